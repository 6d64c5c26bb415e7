import NIOCore
import ONCRPC
import Testing

@Suite struct RPCReplyTests {
    /// Each reply and its words after xid and REPLY (RFC 5531 section 9).
    static let replies: [(RPCReply, [UInt32])] = [
        (.success, [0, 0, 0, 0]),
        (.programUnavailable, [0, 0, 0, 1]),
        (.programMismatch(low: 3, high: 3), [0, 0, 0, 2, 3, 3]),
        (.procedureUnavailable, [0, 0, 0, 3]),
        (.garbageArguments, [0, 0, 0, 4]),
        (.systemError, [0, 0, 0, 5]),
        (.rpcMismatch(low: 2, high: 2), [1, 0, 2, 2]),
        (.authError(.badCredential), [1, 1, 1]),
        (.authError(.rejectedCredential), [1, 1, 2]),
        (.authError(.badVerifier), [1, 1, 3]),
        (.authError(.tooWeak), [1, 1, 5]),
    ]

    static func bytes(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    }

    @Test(arguments: replies)
    func hasTheBytesOfTheRFC(reply: RPCReply, words: [UInt32]) throws {
        var buffer = ByteBuffer()
        reply.encode(xid: 0xCAFE, into: &buffer)
        #expect(Array(buffer.readableBytesView) == Self.bytes([0xCAFE, 1] + words))

        var record = ByteBuffer()
        reply.encodeRecord(xid: 0xCAFE, into: &record)
        let mark = 0x8000_0000 | UInt32(buffer.readableBytes)
        #expect(Array(record.readableBytesView) == Self.bytes([mark, 0xCAFE, 1] + words))

        let decoded = try RPCReply.decode(consuming: &buffer)
        #expect(decoded.xid == 0xCAFE)
        #expect(decoded.reply == reply)
        #expect(buffer.readableBytes == 0)
    }

    @Test(arguments: replies)
    func refusesEveryTruncation(reply: RPCReply, words: [UInt32]) {
        let bytes = Self.bytes([1, 1] + words)
        for count in 0..<bytes.count {
            var buffer = ByteBuffer(bytes: bytes.prefix(count))
            #expect(throws: XDRError.self) { _ = try RPCReply.decode(consuming: &buffer) }
        }
    }

    @Test func putsResultsAndPayloadIntoOneRecord() throws {
        var buffer = ByteBuffer()
        RPCReply.encodeSuccessRecord(
            xid: 5,
            results: 0x0102_0304 as UInt32,
            payloadByteCount: 100,
            into: &buffer
        )
        let mark = buffer.readInteger(as: UInt32.self)
        let expected: UInt32 = 0x8000_0000 + 24 + 4 + 100
        #expect(mark == expected)
        let reply = try RPCReply.decode(consuming: &buffer).reply
        #expect(reply == .success)
        let results = buffer.readInteger(as: UInt32.self)
        #expect(results == 0x0102_0304)
        #expect(buffer.readableBytes == 0)
    }
}
