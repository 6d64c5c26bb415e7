import CLinux
import Glibc
import Synchronization

/// A file of the user, open for reading; closed when nobody has it any more.
package final class OpenFile: Sendable {
    let descriptor: CInt
    let path: String
    private let isInMemory: Bool

    package init(path: String) throws(StorageError) {
        // A pipe or a link that has taken the place of a file must not make anybody wait.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw StorageError(.open, path, code: errno) }
        self.path = path
        isInMemory = linux_is_memory_file(descriptor) != 0
    }

    deinit { close(descriptor) }

    /// As the file is now; `nil` if it is no regular file.
    package var stamp: FileStamp? { FileStamp(descriptor: descriptor) }

    /// Fills `space` from `offset` on without waiting for the disk; returns how far it came.
    func readIfCached(_ space: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
        max(
            0,
            isInMemory
                ? pread(descriptor, space.baseAddress, space.count, off_t(offset))
                : linux_read_nowait(descriptor, space.baseAddress, space.count, Int64(offset))
        )
    }
}

/// Files of the user that are open for reading: those read last, and never more than a number.
package final class OpenFiles: Sendable {
    private struct State {
        var files: [String: (file: OpenFile, lastUse: UInt64)] = [:]
        var useCount: UInt64 = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: files that stay open.
    package init(capacity: Int = 64) { self.capacity = capacity }

    var count: Int { state.withLock { $0.files.count } }

    /// The file if it is open.
    func openFile(_ path: String) -> OpenFile? {
        state.withLock { state in
            guard let file = state.files[path]?.file else { return nil }
            state.useCount += 1
            state.files[path]?.lastUse = state.useCount
            return file
        }
    }

    /// The file, opened now if it is not.
    func file(_ path: String) throws(StorageError) -> OpenFile {
        if let file = openFile(path) { return file }
        let file = try OpenFile(path: path)
        state.withLock { state in
            state.useCount += 1
            state.files[path] = (file, state.useCount)
            guard state.files.count > capacity,
                let oldest = state.files.min(by: { $0.value.lastUse < $1.value.lastUse })
            else { return }
            state.files[oldest.key] = nil
        }
        return file
    }

    /// Closes the file once nobody reads it: another one may stand at its path now.
    func forget(_ path: String) { state.withLock { $0.files[path] = nil } }
}
