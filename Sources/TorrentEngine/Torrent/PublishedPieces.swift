import BitTorrentProtocol
import Synchronization

/// The verified pieces of a torrent as any thread sees them.
final class PublishedPieces: Sendable {
    enum Condition {
        case active
        case removed
    }

    private struct State {
        var verified: Bitfield
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

    func insert(_ piece: PieceIndex) { state.withLock { $0.verified[piece] = true } }

    func setRemoved() { state.withLock { $0.condition = .removed } }

    /// Length of the longest verified prefix of `range`.
    func verifiedPrefix(of range: Range<UInt64>) -> UInt64 {
        guard !range.isEmpty, range.upperBound <= geometry.totalLength else { return 0 }
        let pieces = geometry.pieces(covering: range)
        let missing = state.withLock { state in
            pieces.first { !state.verified[PieceIndex($0)] }
        }
        guard let missing else { return range.upperBound - range.lowerBound }
        let end = geometry.offset(of: PieceIndex(missing))
        return end > range.lowerBound ? end - range.lowerBound : 0
    }
}
