import BitTorrentProtocol
import NIOCore

/// The payload of unfinished pieces, block by block.
struct PieceBuffers {
    /// An empty buffer stands for a block that is not here.
    private var pieces: [PieceIndex: [ByteBuffer]] = [:]
    /// Further copies of blocks that are here, by their numbers, in the order in which they came.
    private var copies: [PieceIndex: [Int: [ByteBuffer]]] = [:]

    mutating func store(_ payload: ByteBuffer, of block: Block, blockCount: Int) {
        let number = block.number
        if let first = pieces[block.piece]?[number], first.readableBytes > 0 {
            copies[block.piece, default: [:]][number, default: []].append(payload)
            return
        }
        pieces[block.piece, default: Array(repeating: ByteBuffer(), count: blockCount)][number] =
            payload
    }

    /// Gives the blocks of a piece away, in order; `nil` if one is missing.
    mutating func take(_ piece: PieceIndex) -> [ByteBuffer]? {
        guard let blocks = pieces.removeValue(forKey: piece),
            blocks.allSatisfy({ $0.readableBytes > 0 })
        else { return nil }
        return blocks
    }

    /// Every copy of the blocks of a piece, in order; `nil` if there is none of one.
    func copies(of piece: PieceIndex) -> [[ByteBuffer]]? {
        guard let blocks = pieces[piece], blocks.allSatisfy({ $0.readableBytes > 0 }) else {
            return nil
        }
        let others = copies[piece] ?? [:]
        return blocks.indices.map { [blocks[$0]] + (others[$0] ?? []) }
    }

    /// Gives one block away; `nil` if it is not here.
    mutating func take(_ block: Block) -> ByteBuffer? {
        guard let payload = pieces[block.piece]?[block.number], payload.readableBytes > 0 else {
            return nil
        }
        pieces[block.piece]?[block.number] = ByteBuffer()
        return payload
    }

    mutating func discard(_ piece: PieceIndex) {
        pieces.removeValue(forKey: piece)
        copies.removeValue(forKey: piece)
    }

    mutating func discardAll() {
        pieces = [:]
        copies = [:]
    }
}
