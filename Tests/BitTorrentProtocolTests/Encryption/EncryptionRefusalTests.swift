import BitTorrentProtocol
import NIOCore
import TestSupport
import Testing

@Suite struct EncryptionRefusalTests {
    /// Changes a byte; encrypted bits change one by one with those of the stream.
    func flipped(_ buffer: ByteBuffer, at offset: Int, by bits: UInt8) throws -> ByteBuffer {
        var buffer = buffer
        let byte = try #require(buffer.getInteger(at: offset, as: UInt8.self))
        buffer.setInteger(byte ^ bits, at: offset)
        return buffer
    }

    @Test(arguments: [[UInt8](repeating: 0, count: 96), [UInt8](repeating: 255, count: 96)])
    func refusesDegenerateKeys(key: [UInt8]) throws {
        var pair = try EncryptionPair()
        #expect(throws: EncryptionError.degenerateKey) {
            try pair.responder.received(ByteBuffer(bytes: key), find: pair.find)
        }
        #expect(throws: EncryptionError.degenerateKey) {
            try pair.initiator.received(ByteBuffer(bytes: key))
        }
    }

    @Test func refusesTorrentsThatAreNotHere() throws {
        var pair = try EncryptionPair()
        let messages = try pair.messages()
        #expect(throws: EncryptionError.unknownTorrent) {
            try pair.responder.received(joined(messages.greeting, messages.request)) { _ in nil }
        }
    }

    /// The request: marker 20, name 20, zeros 8, methods 4, length of padding 2.
    @Test func refusesADamagedRequest() throws {
        let pair = try EncryptionPair()
        let messages = try pair.messages()
        func error(at offset: Int, by bits: UInt8) throws -> EncryptionError? {
            var responder = pair.responder
            let request = try flipped(messages.request, at: offset, by: bits)
            return #expect(throws: EncryptionError.self) {
                try responder.received(joined(messages.greeting, request), find: pair.find)
            }
        }
        #expect(try error(at: 20, by: 1) == .unknownTorrent)
        #expect(try error(at: 40, by: 1) == .wrongVerification)
        #expect(try error(at: 47, by: 0x80) == .wrongVerification)
        #expect(try error(at: 51, by: 2) == .noCommonMethod(offered: []))
        guard case .paddingTooLong = try error(at: 52, by: 0x80) else {
            Issue.record("accepts any padding")
            return
        }
        let payloadStart = messages.request.readableBytes - 68
        #expect(
            try error(at: payloadStart - 2, by: 0x80)
                == .initialPayloadTooLong(byteCount: 0x8000 + 68)
        )
    }

    /// The choice: zeros 8, method 4, length of padding 2.
    @Test func refusesADamagedChoice() throws {
        let pair = try EncryptionPair()
        let messages = try pair.messages()
        func error(at offset: Int, by bits: UInt8) throws -> EncryptionError? {
            var initiator = pair.initiator
            let choice = try flipped(messages.choice, at: offset, by: bits)
            return #expect(throws: EncryptionError.self) {
                try initiator.received(joined(messages.answer, choice))
            }
        }
        #expect(try error(at: 11, by: 3) == .wrongMethod(.plaintext))
        #expect(try error(at: 11, by: 1) == .wrongMethod([.plaintext, .rc4]))
        #expect(try error(at: 11, by: 2) == .wrongMethod([]))
        #expect(try error(at: 8, by: 1) == .wrongMethod(EncryptionMethods(rawValue: 0x100_0002)))
        guard case .paddingTooLong = try error(at: 12, by: 0x80) else {
            Issue.record("accepts any padding")
            return
        }
    }

    @Test func survivesDamagedInput() throws {
        var mutator = Mutator(seed: 11)
        for method in [EncryptionMethods.rc4, .plaintext] {
            let pair = try EncryptionPair(seed: 3, offering: method, accepting: method)
            let messages = try pair.messages()
            // The keys are exchanged: what they cost would leave time for few cases.
            let (ours, theirs) = try messages.keys()
            var (initiator, responder) = (pair.initiator, pair.responder)
            _ = try initiator.received(theirs)
            _ = try responder.received(ours, find: pair.find)
            let request = Array(messages.request.readableBytesView)
            let choice = Array(messages.choice.readableBytesView)
            for _ in 0..<8_000 {
                var one = initiator
                let toOne = ByteBuffer(bytes: mutator.mutate(choice))
                if let end = try? one.received(toOne).connection {
                    #expect(end.received.readableBytes <= toOne.readableBytes)
                }
                var other = responder
                let toOther = ByteBuffer(bytes: mutator.mutate(request))
                if let end = try? other.received(toOther, find: pair.find).connection {
                    #expect(end.received.readableBytes <= toOther.readableBytes)
                }
            }
        }
    }

    @Test func tellsPlainHandshakesFromEncryptedOnes() throws {
        var bytes = ByteBuffer()
        Handshake(
            capabilities: [],
            infoHash: try #require(InfoHash(bytes: 1...20)),
            peerID: try #require(PeerID(bytes: [UInt8](repeating: 7, count: 20)))
        ).encode(into: &bytes)
        for length in 0...68 {
            let part = try #require(bytes.getSlice(at: 0, length: length))
            #expect(StreamOpening(of: part) == (length < 20 ? .undecided : .plaintext))
        }
        for offset in 0..<20 {
            let other = try flipped(bytes, at: offset, by: 1)
            #expect(StreamOpening(of: other) == .encrypted)
            #expect(
                StreamOpening(of: try #require(other.getSlice(at: 0, length: offset + 1)))
                    == .encrypted
            )
        }
    }
}
