import BitTorrentProtocol
import NIOCore
import TestSupport
import Testing

@Suite struct PeerMessageTests {
    static let hashRequest = HashRequest(
        root: SHA256Digest(hashing: [7]),
        baseLayer: 0,
        index: 512,
        length: 512,
        proofLayerCount: .max
    )

    static let messages: [PeerMessage] = [
        .keepAlive, .choke, .unchoke, .interested, .notInterested, .have(piece: 0xdead_beef),
        .bitfield([]), .bitfield([0x80, 0x01]),
        .request(BlockRequest(piece: 1, offset: 0x4000, length: 0x4000)),
        .piece(piece: 7, offset: 0x8000, payload: ByteBuffer(string: "payload")),
        .piece(piece: 7, offset: 0, payload: ByteBuffer()),
        .cancel(BlockRequest(piece: .max, offset: .max, length: .max)),
        .port(6881), .suggest(piece: 3), .haveAll, .haveNone, .allowedFast(piece: .max),
        .reject(BlockRequest(piece: 1, offset: 0x4000, length: 0x4000)),
        .extended(id: 0, payload: ByteBuffer(string: "de")),
        .extended(id: 255, payload: ByteBuffer()),
        .hashRequest(hashRequest), .hashReject(hashRequest), .hashes(hashRequest, []),
        .hashes(hashRequest, [.zero, SHA256Digest(hashing: [1])]),
        .unknown(id: 200, byteCount: 2), .unknown(id: 255, byteCount: 0),
    ]

    let decoder = PeerMessageDecoder()

    func encoded(_ message: PeerMessage) -> [UInt8] {
        var buffer = ByteBuffer()
        message.encode(into: &buffer)
        return Array(buffer.readableBytesView)
    }

    /// A length prefix and what follows it.
    func frame(byteCount: UInt32, _ bytes: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer(integer: byteCount)
        buffer.writeBytes(bytes)
        return buffer
    }

    @Test(arguments: messages)
    func isReadBackUnchangedByteByByte(message: PeerMessage) throws {
        let bytes = encoded(message)
        var buffer = ByteBuffer()
        for (position, byte) in bytes.enumerated() {
            #expect(try decoder.decode(&buffer) == nil)
            #expect(buffer.readableBytes == position)
            buffer.writeInteger(byte)
        }
        buffer.writeInteger(UInt8(0xee))
        #expect(try decoder.decode(&buffer) == message)
        #expect(Array(buffer.readableBytesView) == [0xee])
    }

    @Test func hasTheBytesOfTheStandard() {
        #expect(encoded(.keepAlive) == [0, 0, 0, 0])
        #expect(encoded(.unchoke) == [0, 0, 0, 1, 1])
        #expect(encoded(.have(piece: 258)) == [0, 0, 0, 5, 4, 0, 0, 1, 2])
        #expect(
            encoded(.request(BlockRequest(piece: 1, offset: 2, length: 3)))
                == [0, 0, 0, 13, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
        )
        #expect(encoded(.port(0x1ae1)) == [0, 0, 0, 3, 9, 0x1a, 0xe1])
        #expect(encoded(.haveAll) == [0, 0, 0, 1, 14])
        let asked = encoded(.hashRequest(Self.hashRequest))
        #expect(asked.prefix(5) == [0, 0, 0, 49, 21])
        #expect(Array(asked[5..<37]) == Self.hashRequest.root.bytes)
        #expect(
            Array(asked[37...]) == [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 255, 255, 255, 255]
        )
        #expect(encoded(.allowedFast(piece: 258)) == [0, 0, 0, 5, 17, 0, 0, 1, 2])
        #expect(
            encoded(.reject(BlockRequest(piece: 1, offset: 2, length: 3)))
                == [0, 0, 0, 13, 16, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
        )
        #expect(
            encoded(.extended(id: 3, payload: ByteBuffer(bytes: [9]))) == [0, 0, 0, 3, 20, 3, 9]
        )
        #expect(
            encoded(.piece(piece: 1, offset: 2, payload: ByteBuffer(bytes: [9])))
                == [0, 0, 0, 10, 7, 0, 0, 0, 1, 0, 0, 0, 2, 9]
        )
    }

    @Test func writesThePieceHeaderApartFromItsPayload() {
        let payload = ByteBuffer(string: "payload")
        var header = ByteBuffer()
        PeerMessage.encodePieceHeader(
            piece: 3,
            offset: 4,
            payloadByteCount: payload.readableBytes,
            into: &header
        )
        #expect(header.readableBytes == PeerMessage.pieceHeaderByteCount)
        header.writeImmutableBuffer(payload)
        #expect(
            Array(header.readableBytesView)
                == encoded(.piece(piece: 3, offset: 4, payload: payload))
        )
    }

    @Test func readsOneMessageAfterAnother() throws {
        var buffer = ByteBuffer()
        for message in Self.messages { message.encode(into: &buffer) }
        for message in Self.messages { #expect(try decoder.decode(&buffer) == message) }
        #expect(try decoder.decode(&buffer) == nil)
    }

    @Test func sharesTheMemoryOfThePayload() throws {
        var buffer = ByteBuffer()
        PeerMessage.piece(piece: 0, offset: 0, payload: ByteBuffer(bytes: [1, 2, 3]))
            .encode(into: &buffer)
        guard case .piece(_, _, let payload) = try decoder.decode(&buffer) else {
            Issue.record("not a piece")
            return
        }
        // A slice begins at the byte of the buffer where it was found.
        let inBuffer = buffer.withVeryUnsafeBytes { $0.baseAddress.map { $0 + 13 } }
        let inPayload = payload.withUnsafeReadableBytes { $0.baseAddress }
        #expect(inBuffer == inPayload)
    }

    @Test(
        arguments: [
            (0, 2), (1, 5), (2, 2), (3, 1024), (4, 1), (4, 4), (4, 6), (6, 12), (6, 14), (7, 1),
            (7, 8),
            (8, 5), (8, 17), (9, 2), (9, 5), (13, 4), (14, 2), (15, 2), (16, 12), (17, 6), (20, 1),
            (21, 48), (21, 81), (22, 48), (22, 50), (23, 50),
        ] as [(UInt8, UInt32)]
    )
    func refusesWrongLengths(id: UInt8, byteCount: UInt32) {
        // The five bytes are enough to know.
        var buffer = frame(byteCount: byteCount, [id])
        #expect(throws: PeerWireError.wrongLength(id: id, byteCount: Int(byteCount))) {
            try decoder.decode(&buffer)
        }
    }

    @Test func boundsEachLength() throws {
        var endless = frame(byteCount: .max, [])
        #expect(throws: PeerWireError.messageTooLong(id: nil, byteCount: Int(UInt32.max))) {
            try decoder.decode(&endless)
        }
        var piece = frame(byteCount: 128 * 1024 + 10, [7])
        #expect(throws: PeerWireError.messageTooLong(id: 7, byteCount: 128 * 1024 + 10)) {
            try decoder.decode(&piece)
        }
        var bitfield = frame(byteCount: 256 * 1024 + 2, [5])
        #expect(throws: PeerWireError.messageTooLong(id: 5, byteCount: 256 * 1024 + 2)) {
            try decoder.decode(&bitfield)
        }
        var hashes = frame(byteCount: 49 + 1025 * 32, [22])
        #expect(throws: PeerWireError.messageTooLong(id: 22, byteCount: 49 + 1025 * 32)) {
            try decoder.decode(&hashes)
        }
        for (id, byteCount) in [(7, 128 * 1024 + 9), (5, 256 * 1024 + 1), (20, 1024 * 1024)] {
            var largest = frame(byteCount: UInt32(byteCount), [UInt8(id)])
            let capacity = largest.capacity
            #expect(try decoder.decode(&largest) == nil)
            #expect(largest.capacity == capacity)
            largest.writeRepeatingByte(0, count: byteCount - 1)
            #expect(try decoder.decode(&largest) != nil)
            #expect(largest.readableBytes == 0)
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 5)
        let valid = Self.messages.map(encoded)
        for round in 0..<100_000 {
            let bytes = mutator.mutate(
                valid[round % valid.count] + valid[(round / 7) % valid.count]
            )
            var buffer = ByteBuffer(bytes: bytes)
            var consumed: [UInt8] = []
            while let message = try? decoder.decode(&buffer) {
                if case .unknown(_, let byteCount) = message {
                    // Its body is not kept.
                    consumed += bytes[consumed.count..<consumed.count + 5 + byteCount]
                } else {
                    consumed += encoded(message)
                }
            }
            if consumed + Array(buffer.readableBytesView) != bytes { Issue.record("\(bytes)") }
        }
    }
}
