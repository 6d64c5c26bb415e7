import Synchronization
import VirtualTree

/// Finds names that are the wanted one but for how their accents are composed: macOS asks in
/// decomposed form for names that torrents hold composed.
///
/// A directory is gone through once, and again when it has changed, not for each name that is not
/// there. Safe on any thread.
final class EquivalentNames: Sendable {
    /// The names of one directory that are not of ASCII alone, which have but one form.
    private struct Index {
        /// When the directory changed last.
        let modified: FileAttributes.Timestamp
        /// Text of equivalent forms is one key.
        let names: [String: [UInt8]]
        var lastUse: UInt64
    }

    private struct State {
        var indices: [FileID: Index] = [:]
        var nameCount = 0
        var useCount: UInt64 = 0

        mutating func forget(_ id: FileID) {
            if let index = indices.removeValue(forKey: id) { nameCount -= index.names.count }
        }
    }

    private let maximumDirectories: Int
    private let maximumNames: Int
    private let state = Mutex(State())

    /// - Parameter maximumNames: of all directories; one directory that has more is kept alone.
    init(maximumDirectories: Int = 1024, maximumNames: Int = 100_000) {
        self.maximumDirectories = maximumDirectories
        self.maximumNames = maximumNames
    }

    func entry(
        equivalentTo name: [UInt8],
        in directory: any VirtualDirectory
    ) -> VirtualNode? {
        guard let wanted = Self.text(name) else { return nil }
        let (id, modified) = (directory.id, directory.attributes.modified)
        if let names = known(id, modified) {
            return names[wanted].flatMap(directory.entry(named:))
        }
        let names = Self.names(of: directory)
        keep(names, of: id, modified)
        return names[wanted].flatMap(directory.entry(named:))
    }

    /// `nil` for what has no other form.
    private static func text(_ name: [UInt8]) -> String? {
        name.contains { $0 >= 0x80 } ? String(validating: name, as: UTF8.self) : nil
    }

    private static func names(of directory: any VirtualDirectory) -> [String: [UInt8]] {
        var names: [String: [UInt8]] = [:]
        _ = directory.forEachEntry(after: 2) { lent, _ in
            guard lent.indices.contains(where: { lent[$0] >= 0x80 }) else { return true }
            let name = [UInt8](lent)
            if let text = text(name), names[text] == nil { names[text] = name }
            return true
        }
        return names
    }

    private func known(
        _ id: FileID,
        _ modified: FileAttributes.Timestamp
    ) -> [String: [UInt8]]? {
        state.withLock { state in
            guard let index = state.indices[id], index.modified == modified else { return nil }
            state.useCount += 1
            state.indices[id]?.lastUse = state.useCount
            return index.names
        }
    }

    private func keep(
        _ names: [String: [UInt8]],
        of id: FileID,
        _ modified: FileAttributes.Timestamp
    ) {
        state.withLock { state in
            state.forget(id)
            while state.indices.count >= maximumDirectories
                || state.nameCount + names.count > maximumNames
            {
                guard let oldest = state.indices.min(by: { $0.value.lastUse < $1.value.lastUse })
                else { break }
                state.forget(oldest.key)
            }
            state.useCount += 1
            state.nameCount += names.count
            state.indices[id] = Index(modified: modified, names: names, lastUse: state.useCount)
        }
    }
}
