import BitTorrentProtocol
import NIOCore
import TorrentLogic

/// A torrent's end of a web seed: what is requested, and the exchanges under way.
struct WebSeedLink {
    let seed: WebSeed
    var queue: WebSeedQueue
    private var tasks: [UInt64: Task<Void, Never>] = [:]

    init(_ seed: WebSeed, geometry: PieceGeometry) {
        self.seed = seed
        queue = WebSeedQueue(geometry: geometry)
    }

    mutating func began(_ fetch: WebSeedQueue.Fetch, _ task: Task<Void, Never>) {
        tasks[fetch.number] = task
    }

    /// - Returns: false if the fetch was aborted meanwhile.
    mutating func ended(_ fetch: WebSeedQueue.Fetch) -> Bool {
        tasks[fetch.number] = nil
        return queue.finished(fetch)
    }

    mutating func abort(_ fetch: WebSeedQueue.Fetch) {
        tasks.removeValue(forKey: fetch.number)?.cancel()
    }

    func abortAll() {
        for task in tasks.values { task.cancel() }
    }
}

/// Cuts the bytes of a fetch into its blocks.
struct BlockCutter {
    private var blocks: ArraySlice<Block>
    private var partial = ByteBuffer()

    init(_ blocks: [Block]) { self.blocks = blocks[...] }

    /// Hands each block that is complete with `bytes` to `body`.
    ///
    /// A block that came in one part shares its memory with it.
    mutating func append(_ bytes: ByteBuffer, _ body: (Block, ByteBuffer) -> Void) {
        var bytes = bytes
        while let block = blocks.first, bytes.readableBytes > 0 {
            let missing = Int(block.length) - partial.readableBytes
            guard var part = bytes.readSlice(length: min(missing, bytes.readableBytes)) else {
                return
            }
            if partial.readableBytes == 0, part.readableBytes == Int(block.length) {
                blocks.removeFirst()
                body(block, part)
                continue
            }
            partial.writeBuffer(&part)
            guard partial.readableBytes == Int(block.length) else { continue }
            blocks.removeFirst()
            body(block, partial)
            partial = ByteBuffer()
        }
    }
}
