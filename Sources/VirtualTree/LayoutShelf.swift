import BitTorrentProtocol
package import StateStore
import Synchronization
import TorrentEngine

/// The layouts of all torrents: in the store, and of those that were used last in memory.
///
/// A layout that is needed is read where it is needed, within a call of a client: it takes a look-up
/// in the store, not a parse, and waits for no writer.
package final class LayoutShelf: Sendable {
    /// Two halves: when the newer one is full, the older one is forgotten.
    private struct Kept {
        var newer: [InfoHash: TorrentLayout] = [:]
        var older: [InfoHash: TorrentLayout] = [:]
        var newerByteCount = 0
    }

    /// A torrent with the name under which it would stand in a route alone.
    struct Described {
        let summary: TorrentSummary
        let name: [UInt8]
    }

    private let store: StateStore
    private let maximumByteCount: Int
    private let kept = Mutex(Kept())

    /// Beyond so many unknown torrents the whole table is read at once.
    private static let bulk = 64

    /// - Parameter maximumByteCount: of the layouts in memory.
    package init(store: StateStore, maximumByteCount: Int = 16 << 20) {
        self.store = store
        self.maximumByteCount = maximumByteCount
    }

    /// - Returns: `nil` if the store fails, or if the torrent is gone from it.
    func layout(of content: any TorrentContent) -> TorrentLayout? {
        let infoHash = content.infoHash
        if let layout = kept.withLock({ take(infoHash, from: &$0) }) { return layout }
        // Two calls at once read it twice, which is harmless.
        let stored = (try? store.layout(of: infoHash)).flatMap(\.self)
        guard
            let layout = stored.flatMap({ TorrentLayout(decoding: $0) })
                ?? (try? TorrentLayout(content.loadInfo()))
        else { return nil }
        kept.withLock { keep(layout, of: infoHash, in: &$0) }
        return layout
    }

    /// Describes torrents; what was never laid out is laid out and stored.
    ///
    /// Waits for the disk.
    func describe(_ contents: [any TorrentContent]) throws -> [InfoHash: Described] {
        let stored =
            contents.count > Self.bulk
            ? try store.layoutSummaries()
            : try store.layoutSummaries(of: contents.map(\.infoHash))
        var described: [InfoHash: Described] = [:]
        described.reserveCapacity(contents.count)
        var new: [StateStore.LayoutRecord] = []
        for content in contents where described[content.infoHash] == nil {
            if let known = stored[content.infoHash].flatMap({ TorrentSummary.decode($0) }) {
                described[content.infoHash] = Described(summary: known.summary, name: known.name)
                continue
            }
            let layout = TorrentLayout(try content.loadInfo())
            let summary = TorrentSummary(layout)
            described[content.infoHash] = Described(summary: summary, name: layout.name)
            new.append(
                StateStore.LayoutRecord(
                    infoHash: content.infoHash,
                    summary: summary.encoded(name: layout.name),
                    layout: layout.encoded
                )
            )
        }
        if !new.isEmpty { try store.record(layouts: new) }
        return described
    }

    private func take(_ infoHash: InfoHash, from kept: inout Kept) -> TorrentLayout? {
        if let layout = kept.newer[infoHash] { return layout }
        guard let layout = kept.older[infoHash] else { return nil }
        keep(layout, of: infoHash, in: &kept)
        return layout
    }

    private func keep(_ layout: TorrentLayout, of infoHash: InfoHash, in kept: inout Kept) {
        guard kept.newer.updateValue(layout, forKey: infoHash) == nil else { return }
        kept.newerByteCount += layout.memoryByteCount
        guard kept.newerByteCount > maximumByteCount / 2 else { return }
        kept.older = kept.newer
        kept.newer = [:]
        kept.newerByteCount = 0
    }
}
