/// From whom the blocks of a piece that was wrong are not to be fetched again.
///
/// It is fetched again from many peers, because a reader may wait for it, but each block from another
/// than before: once the piece is right, everyone whose block differs is known.
struct Avoidance {
    private var byBlock: [Set<PeerKey>]
    /// Who has the piece and would deliver.
    private var sources: Set<PeerKey>

    /// - Parameters:
    ///   - byBlock: those to avoid; they are not if nobody else has the piece.
    ///   - sources: who has the piece and would deliver.
    init(_ byBlock: [Set<PeerKey>], sources: Set<PeerKey>) {
        self.byBlock = byBlock
        self.sources = sources
        endWhereNobodyIsLeft()
    }

    func allows(_ number: Int, from peer: PeerKey) -> Bool { !byBlock[number].contains(peer) }

    /// The peer is gone, or will not deliver.
    mutating func lost(_ peer: PeerKey) {
        guard sources.remove(peer) != nil else { return }
        endWhereNobodyIsLeft()
    }

    private mutating func endWhereNobodyIsLeft() {
        for number in byBlock.indices where sources.isSubset(of: byBlock[number]) {
            byBlock[number] = []
        }
    }
}
