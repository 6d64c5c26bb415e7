import BitTorrentProtocol
import NIOCore
import TestSupport
import Testing

@Suite struct HandshakeTests {
    func handshake() throws -> Handshake {
        Handshake(
            capabilities: [.extensionProtocol, .fast],
            infoHash: try #require(InfoHash(bytes: 1...20)),
            peerID: try #require(PeerID(bytes: Array("-SL0100-abcdefghijkl".utf8)))
        )
    }

    func encoded(_ handshake: Handshake) -> [UInt8] {
        var buffer = ByteBuffer()
        handshake.encode(into: &buffer)
        return Array(buffer.readableBytesView)
    }

    @Test func hasTheBytesOfTheStandard() throws {
        let bytes = encoded(try handshake())
        #expect(bytes.count == Handshake.byteCount)
        #expect(bytes[..<20].elementsEqual([19] + Array("BitTorrent protocol".utf8)))
        #expect(Array(bytes[20..<28]) == [0, 0, 0, 0, 0, 0x10, 0, 0x04])
        #expect(Array(bytes[28..<48]) == Array(1...20))
    }

    @Test func isReadBackUnchangedByteByByte() throws {
        let expected = try handshake()
        var buffer = ByteBuffer()
        let bytes = encoded(expected) + [0xaa]
        for (position, byte) in bytes.enumerated() {
            #expect(
                try Handshake.opening(in: buffer)?.infoHash
                    == (position < 48 ? nil : expected.infoHash)
            )
            if position < Handshake.byteCount {
                #expect(try Handshake(consuming: &buffer) == nil)
                #expect(buffer.readableBytes == position)
            }
            buffer.writeInteger(byte)
        }
        #expect(try Handshake(consuming: &buffer) == expected)
        #expect(Array(buffer.readableBytesView) == [0xaa])
    }

    @Test func refusesAtTheFirstWrongByte() throws {
        let bytes = encoded(try handshake())
        for position in 0..<20 {
            var buffer = ByteBuffer(bytes: bytes[...position])
            buffer.setInteger(bytes[position] ^ 1, at: position)
            #expect(throws: PeerWireError.notBitTorrent(offset: position)) {
                try Handshake(consuming: &buffer)
            }
        }
        var request = ByteBuffer(string: "G")
        #expect(throws: PeerWireError.notBitTorrent(offset: 0)) {
            try Handshake(consuming: &request)
        }
    }

    @Test func keepsUnknownCapabilities() throws {
        var bytes = encoded(try handshake())
        bytes.replaceSubrange(20..<28, with: [UInt8](repeating: 0xff, count: 8))
        var buffer = ByteBuffer(bytes: bytes)
        let handshake = try #require(try Handshake(consuming: &buffer))
        #expect(handshake.capabilities.rawValue == .max)
        #expect(handshake.capabilities.isSuperset(of: [.dht, .version2, .extensionProtocol]))
        #expect(encoded(handshake) == bytes)
    }

    @Test func survivesDamagedInput() throws {
        var mutator = Mutator(seed: 4)
        let valid = encoded(try handshake())
        for _ in 0..<100_000 {
            let bytes = mutator.mutate(valid)
            var buffer = ByteBuffer(bytes: bytes)
            guard let handshake = try? Handshake(consuming: &buffer) else { continue }
            if encoded(handshake) != Array(bytes.prefix(68)) { Issue.record("\(bytes)") }
        }
    }
}
