package import NIOCore

extension PeerMessage {
    /// The ids of BEP 3, BEP 5, BEP 6, BEP 10 and BEP 52.
    enum ID: UInt8 {
        case choke = 0
        case unchoke = 1
        case interested = 2
        case notInterested = 3
        case have = 4
        case bitfield = 5
        case request = 6
        case piece = 7
        case cancel = 8
        case port = 9
        case suggest = 13
        case haveAll = 14
        case haveNone = 15
        case reject = 16
        case allowedFast = 17
        case extended = 20
        case hashRequest = 21
        case hashes = 22
        case hashReject = 23
    }

    /// Writes the message with its length prefix (BEP 3).
    ///
    /// A message with an unknown id is written with as many zeros as it had bytes.
    package func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .keepAlive: buffer.writeInteger(UInt32(0))
        case .choke: Self.writeHeader(.choke, bodyByteCount: 0, into: &buffer)
        case .unchoke: Self.writeHeader(.unchoke, bodyByteCount: 0, into: &buffer)
        case .interested: Self.writeHeader(.interested, bodyByteCount: 0, into: &buffer)
        case .notInterested: Self.writeHeader(.notInterested, bodyByteCount: 0, into: &buffer)
        case .haveAll: Self.writeHeader(.haveAll, bodyByteCount: 0, into: &buffer)
        case .haveNone: Self.writeHeader(.haveNone, bodyByteCount: 0, into: &buffer)
        case .have(let piece): Self.write(.have, piece, into: &buffer)
        case .suggest(let piece): Self.write(.suggest, piece, into: &buffer)
        case .allowedFast(let piece): Self.write(.allowedFast, piece, into: &buffer)
        case .port(let port): Self.write(.port, port, into: &buffer)
        case .bitfield(let bytes):
            Self.writeHeader(.bitfield, bodyByteCount: bytes.count, into: &buffer)
            buffer.writeBytes(bytes)
        case .request(let block):
            Self.write(.request, block, into: &buffer)
        case .cancel(let block):
            Self.write(.cancel, block, into: &buffer)
        case .reject(let block):
            Self.write(.reject, block, into: &buffer)
        case .piece(let piece, let offset, let payload):
            Self.encodePieceHeader(
                piece: piece,
                offset: offset,
                payloadByteCount: payload.readableBytes,
                into: &buffer
            )
            buffer.writeImmutableBuffer(payload)
        case .extended(let id, let payload):
            Self.writeHeader(.extended, bodyByteCount: 1 + payload.readableBytes, into: &buffer)
            buffer.writeInteger(id)
            buffer.writeImmutableBuffer(payload)
        case .hashRequest(let request): Self.write(.hashRequest, request, into: &buffer)
        case .hashReject(let request): Self.write(.hashReject, request, into: &buffer)
        case .hashes(let request, let digests):
            Self.write(.hashes, request, digests, into: &buffer)
        case .unknown(let id, let byteCount):
            buffer.writeMultipleIntegers(UInt32(byteCount + 1), id)
            buffer.writeRepeatingByte(0, count: byteCount)
        }
    }

    /// Bytes of a piece message before its payload, the length prefix included.
    package static let pieceHeaderByteCount = 13

    /// Writes a piece message up to its payload, which is then sent as a buffer of its own: a block
    /// that is served is not copied.
    package static func encodePieceHeader(
        piece: UInt32,
        offset: UInt32,
        payloadByteCount: Int,
        into buffer: inout ByteBuffer
    ) {
        writeHeader(.piece, bodyByteCount: 8 + payloadByteCount, into: &buffer)
        buffer.writeMultipleIntegers(piece, offset)
    }

    private static func write<Number: FixedWidthInteger>(
        _ id: ID,
        _ number: Number,
        into buffer: inout ByteBuffer
    ) {
        writeHeader(id, bodyByteCount: Number.bitWidth / 8, into: &buffer)
        buffer.writeInteger(number)
    }

    private static func write(_ id: ID, _ block: BlockRequest, into buffer: inout ByteBuffer) {
        writeHeader(id, bodyByteCount: 12, into: &buffer)
        buffer.writeMultipleIntegers(block.piece, block.offset, block.length)
    }

    private static func write(
        _ id: ID,
        _ request: HashRequest,
        _ digests: [SHA256Digest] = [],
        into buffer: inout ByteBuffer
    ) {
        let digestsByteCount = digests.count * SHA256Digest.byteCount
        writeHeader(id, bodyByteCount: HashRequest.byteCount + digestsByteCount, into: &buffer)
        request.encode(into: &buffer)
        buffer.writeBytes(digests.joinedBytes)
    }

    private static func writeHeader(_ id: ID, bodyByteCount: Int, into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(UInt32(bodyByteCount + 1), id.rawValue)
    }
}
