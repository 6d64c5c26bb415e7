import BitTorrentProtocol
import NIOCore
import Testing

@testable import TorrentEngine

@Suite struct PeerStreamTests {
    let messages: [PeerMessage] = [
        .unchoke, .keepAlive, .have(piece: 3),
        .piece(piece: 1, offset: 2, payload: ByteBuffer(repeating: 5, count: 300)),
        .unknown(id: 20, byteCount: 40), .bitfield([1, 2, 3]), .choke, .keepAlive,
    ]

    @Test func messagesAreTheSameHoweverTheBytesAreCut() throws {
        var bytes = ByteBuffer()
        for message in messages { message.encode(into: &bytes) }
        var expected: [PeerMessage] = []
        var whole = PeerStream()
        try whole.append(bytes) { expected.append($0) }
        #expect(expected.count == messages.count)
        for length in 1...bytes.readableBytes {
            var rest = bytes
            var stream = PeerStream()
            var received: [PeerMessage] = []
            while rest.readableBytes > 0 {
                let part = rest.readSlice(length: min(length, rest.readableBytes))
                try stream.append(try #require(part)) { received.append($0) }
            }
            #expect(received == expected)
        }
    }

    @Test func refusesALengthAsSoonAsItIsThere() throws {
        var stream = PeerStream()
        try stream.append(ByteBuffer(bytes: [0xff])) { _ in }
        #expect(throws: PeerWireError.self) {
            try stream.append(ByteBuffer(bytes: [0xff, 0xff, 0xff, 0])) { _ in }
        }
    }
}
