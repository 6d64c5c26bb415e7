import BitTorrentProtocol
import TorrentLogic

/// The blocks that are to be sent to peers, joined where one follows another: a run is read at once
/// and sent at once.
struct ServingRuns {
    struct Run: Equatable, Sendable {
        let key: PeerKey
        /// Of one piece, each behind the one before it; never empty.
        fileprivate(set) var blocks: [Block]

        /// Where the bytes lie in the torrent.
        func range(in geometry: PieceGeometry) -> Range<UInt64> {
            let start = geometry.offset(of: blocks[0].piece) + UInt64(blocks[0].offset)
            return start..<start + blocks.reduce(0) { $0 + UInt64($1.length) }
        }
    }

    /// Less than a peer may have under way, so that one run is read while another is sent.
    static let maximumByteCount: UInt32 = 256 << 10

    private var runs: [Run] = []

    mutating func append(_ block: Block, for key: PeerKey) {
        if let last = runs.last, last.key == key, Self.follows(block, last.blocks) {
            runs[runs.count - 1].blocks.append(block)
        } else {
            runs.append(Run(key: key, blocks: [block]))
        }
    }

    /// What was appended since the last call, in order.
    mutating func take() -> [Run] {
        guard !runs.isEmpty else { return [] }
        defer { runs = [] }
        return runs
    }

    private static func follows(_ block: Block, _ blocks: [Block]) -> Bool {
        let (first, last) = (blocks[0], blocks[blocks.count - 1])
        return block.piece == last.piece && block.offset == last.offset + last.length
            && block.offset + block.length - first.offset <= maximumByteCount
    }
}
