import BitTorrentProtocol
import Synchronization

/// The verified pieces and blocks of a torrent as any thread sees them.
final class PublishedPieces: Sendable {
    enum Condition {
        case active
        case removed
    }

    private struct State {
        var verified: Bitfield
        /// Of pieces that are not verified: which blocks are (BEP 52).
        var blocks: [PieceIndex: [Bool]] = [:]
        var condition = Condition.active
    }

    private let geometry: PieceGeometry
    private let state: Mutex<State>

    init(geometry: PieceGeometry, verified: Bitfield) {
        self.geometry = geometry
        state = Mutex(State(verified: verified))
    }

    var condition: Condition { state.withLock { $0.condition } }
    var isComplete: Bool { state.withLock { $0.verified.isComplete } }
    var verified: Bitfield { state.withLock { $0.verified } }

    /// Bytes of the verified pieces.
    var verifiedByteCount: UInt64 { geometry.byteCount(of: verified) }

    func insert(_ piece: PieceIndex) {
        state.withLock { state in
            state.verified[piece] = true
            state.blocks[piece] = nil
        }
    }

    /// Blocks that are verified by themselves and written.
    func insert(_ blocks: [Block]) {
        state.withLock { state in
            for block in blocks where !state.verified[block.piece] {
                let count = geometry.blockCount(of: block.piece)
                state.blocks[block.piece, default: Array(repeating: false, count: count)][
                    block.number
                ] = true
            }
        }
    }

    func setRemoved() { state.withLock { $0.condition = .removed } }

    /// Length of the longest verified prefix of `range`.
    func verifiedPrefix(of range: Range<UInt64>) -> UInt64 {
        guard !range.isEmpty, range.upperBound <= geometry.totalLength else { return 0 }
        let pieces = geometry.pieces(covering: range)
        let end = state.withLock { state -> UInt64? in
            for piece in pieces.lazy.map({ PieceIndex($0) }) where !state.verified[piece] {
                let blocks = geometry.blocks(of: piece, covering: range)
                guard let verified = state.blocks[piece] else {
                    return geometry.offset(of: piece)
                }
                if let missing = blocks.first(where: { !verified[$0] }) {
                    return geometry.offset(of: piece)
                        + UInt64(missing) * UInt64(Block.maximumLength)
                }
            }
            return nil
        }
        guard let end else { return range.upperBound - range.lowerBound }
        return end > range.lowerBound ? end - range.lowerBound : 0
    }
}
