package import NIOCore

/// Takes the messages after the handshake off a stream of bytes (BEP 3, 5, 6, 10, 52).
///
/// Nothing is allocated for a length that a peer announces: what has arrived is all that there is.
package struct PeerMessageDecoder: Sendable {
    /// Payload that one piece message may carry: requests are for 16 KiB, but some clients send more.
    package static let maximumBlockByteCount = 128 * 1024
    /// A bitfield of 2^21 pieces, as many as a torrent may have.
    package static let maximumBitfieldByteCount = 256 * 1024
    /// Digests that one `hashes` message may carry: more than is ever requested, and its proof.
    package static let maximumDigestCount = 1024
    /// Bytes of any message, the id included and the length prefix not.
    package static let maximumByteCount = 1024 * 1024

    package init() {}

    /// Takes one message off the front of `buffer`; a payload shares its memory.
    ///
    /// - Returns: `nil`, and leaves the buffer, while bytes of the message are missing.
    /// - Throws: as soon as the length or the id shows that the message cannot be right.
    package func decode(
        _ buffer: inout ByteBuffer
    ) throws(PeerWireError) -> PeerMessage? {
        let start = buffer.readerIndex
        guard let prefix = buffer.getInteger(at: start, as: UInt32.self) else { return nil }
        let byteCount = Int(prefix)
        guard byteCount <= Self.maximumByteCount else {
            throw .messageTooLong(id: nil, byteCount: byteCount)
        }
        guard byteCount > 0 else {
            buffer.moveReaderIndex(forwardBy: 4)
            return .keepAlive
        }
        guard let id = buffer.getInteger(at: start + 4, as: UInt8.self) else { return nil }
        try check(id: id, byteCount: byteCount)
        guard buffer.readableBytes >= 4 + byteCount else { return nil }
        buffer.moveReaderIndex(forwardBy: 5)
        return Self.message(id: id, bodyByteCount: byteCount - 1, in: &buffer)
    }

    private func check(id: UInt8, byteCount: Int) throws(PeerWireError) {
        switch PeerMessage.ID(rawValue: id) {
        case .choke, .unchoke, .interested, .notInterested, .haveAll, .haveNone:
            guard byteCount == 1 else { throw .wrongLength(id: id, byteCount: byteCount) }
        case .have, .suggest, .allowedFast:
            guard byteCount == 5 else { throw .wrongLength(id: id, byteCount: byteCount) }
        case .port:
            guard byteCount == 3 else { throw .wrongLength(id: id, byteCount: byteCount) }
        case .request, .cancel, .reject:
            guard byteCount == 13 else { throw .wrongLength(id: id, byteCount: byteCount) }
        case .bitfield:
            guard byteCount <= Self.maximumBitfieldByteCount + 1 else {
                throw .messageTooLong(id: id, byteCount: byteCount)
            }
        case .piece:
            guard byteCount >= 9 else { throw .wrongLength(id: id, byteCount: byteCount) }
            guard byteCount <= Self.maximumBlockByteCount + 9 else {
                throw .messageTooLong(id: id, byteCount: byteCount)
            }
        case .hashRequest, .hashReject:
            guard byteCount == HashRequest.byteCount + 1 else {
                throw .wrongLength(id: id, byteCount: byteCount)
            }
        case .hashes:
            let digestsByteCount = byteCount - HashRequest.byteCount - 1
            guard digestsByteCount >= 0, digestsByteCount % SHA256Digest.byteCount == 0 else {
                throw .wrongLength(id: id, byteCount: byteCount)
            }
            guard digestsByteCount / SHA256Digest.byteCount <= Self.maximumDigestCount else {
                throw .messageTooLong(id: id, byteCount: byteCount)
            }
        case .extended:
            guard byteCount >= 2 else { throw .wrongLength(id: id, byteCount: byteCount) }
        case nil: break
        }
    }

    /// - Precondition: the length was checked and the body is there, so that each read succeeds.
    private static func message(
        id: UInt8,
        bodyByteCount: Int,
        in buffer: inout ByteBuffer
    ) -> PeerMessage? {
        switch PeerMessage.ID(rawValue: id) {
        case .choke: return .choke
        case .unchoke: return .unchoke
        case .interested: return .interested
        case .notInterested: return .notInterested
        case .have: return buffer.readInteger().map { .have(piece: $0) }
        case .bitfield: return buffer.readBytes(length: bodyByteCount).map { .bitfield($0) }
        case .request: return blockRequest(in: &buffer).map { .request($0) }
        case .cancel: return blockRequest(in: &buffer).map { .cancel($0) }
        case .piece:
            guard
                let (piece, offset) = buffer.readMultipleIntegers(as: (UInt32, UInt32).self),
                let payload = buffer.readSlice(length: bodyByteCount - 8)
            else { return nil }
            return .piece(piece: piece, offset: offset, payload: payload)
        case .port: return buffer.readInteger().map { .port($0) }
        case .suggest: return buffer.readInteger().map { .suggest(piece: $0) }
        case .haveAll: return .haveAll
        case .haveNone: return .haveNone
        case .reject: return blockRequest(in: &buffer).map { .reject($0) }
        case .allowedFast: return buffer.readInteger().map { .allowedFast(piece: $0) }
        case .extended:
            guard let id = buffer.readInteger(as: UInt8.self),
                let payload = buffer.readSlice(length: bodyByteCount - 1)
            else { return nil }
            return .extended(id: id, payload: payload)
        case .hashRequest: return HashRequest(consuming: &buffer).map { .hashRequest($0) }
        case .hashReject: return HashRequest(consuming: &buffer).map { .hashReject($0) }
        case .hashes:
            guard let request = HashRequest(consuming: &buffer),
                let bytes = buffer.readSlice(length: bodyByteCount - HashRequest.byteCount),
                let digests = SHA256Digest.list(bytes.readableBytesView)
            else { return nil }
            return .hashes(request, digests)
        case nil:
            buffer.moveReaderIndex(forwardBy: bodyByteCount)
            return .unknown(id: id, byteCount: bodyByteCount)
        }
    }

    private static func blockRequest(in buffer: inout ByteBuffer) -> BlockRequest? {
        buffer.readMultipleIntegers(as: (UInt32, UInt32, UInt32).self)
            .map { BlockRequest(piece: $0, offset: $1, length: $2) }
    }
}
