package import NIOCore

/// A message between peers after the handshake (BEP 3, BEP 5, BEP 6, BEP 10, BEP 52).
package enum PeerMessage: Equatable, Sendable {
    case keepAlive
    case choke
    case unchoke
    case interested
    case notInterested
    case have(piece: UInt32)
    case bitfield([UInt8])
    case request(BlockRequest)
    case piece(piece: UInt32, offset: UInt32, payload: ByteBuffer)
    case cancel(BlockRequest)
    /// The UDP port of the sender's DHT node (BEP 5).
    case port(UInt16)
    /// A piece that the sender would like to give (BEP 6).
    case suggest(piece: UInt32)
    /// In place of a bitfield (BEP 6).
    case haveAll
    /// In place of a bitfield (BEP 6).
    case haveNone
    /// The request will not be served (BEP 6).
    case reject(BlockRequest)
    /// A piece that may be requested while choked (BEP 6).
    case allowedFast(piece: UInt32)
    /// The id is one that the receiver has named for an extension, or 0, the handshake (BEP 10).
    case extended(id: UInt8, payload: ByteBuffer)
    /// Hashes of a file's tree are wanted (BEP 52).
    case hashRequest(HashRequest)
    /// The answer: the wanted hashes, then the uncles that prove them, from the lowest up (BEP 52).
    case hashes(HashRequest, [SHA256Digest])
    /// The hash request will not be served (BEP 52).
    case hashReject(HashRequest)
    /// An id that this program does not speak; it is ignored (BEP 3).
    case unknown(id: UInt8, byteCount: Int)
}

/// A block as a peer names it: not yet held against the torrent's geometry.
package struct BlockRequest: Hashable, Sendable {
    package let piece: UInt32
    package let offset: UInt32
    package let length: UInt32

    package init(piece: UInt32, offset: UInt32, length: UInt32) {
        self.piece = piece
        self.offset = offset
        self.length = length
    }

    package init(_ block: Block) {
        self.init(piece: block.piece.rawValue, offset: block.offset, length: block.length)
    }
}
