import BitTorrentProtocol
import NIOCore
import TestSupport
import Testing

/// Both sides of an encrypted handshake, made from a seed, and the bytes that honest sides exchange.
struct EncryptionPair {
    static let payload = ByteBuffer(bytes: (0..<68).map { UInt8($0) })

    let infoHash: InfoHash
    var initiator: EncryptionInitiator
    var responder: EncryptionResponder

    init(
        seed: UInt64 = 1,
        offering: EncryptionMethods = .rc4,
        accepting: EncryptionMethods = .rc4
    ) throws {
        var generator = Mutator(seed: seed)
        infoHash = try #require(InfoHash(bytes: (0..<20).map { UInt8($0 * 3) }))
        initiator = EncryptionInitiator(
            infoHash: infoHash,
            offering: offering,
            initialPayload: Self.payload,
            using: &generator
        )
        responder = EncryptionResponder(accepting: accepting, using: &generator)
    }

    /// What each side sends: steps 1 to 4.
    struct Messages {
        let greeting: ByteBuffer
        let answer: ByteBuffer
        let request: ByteBuffer
        let choice: ByteBuffer
        let initiator: EncryptedConnection
        let responder: EncryptedConnection

        /// Key of the initiating side and of the accepting side, without their padding.
        func keys() throws -> (ByteBuffer, ByteBuffer) {
            (
                try #require(greeting.getSlice(at: 0, length: 96)),
                try #require(answer.getSlice(at: 0, length: 96))
            )
        }
    }

    func find(_ name: ObfuscatedInfoHash) -> InfoHash? {
        name == ObfuscatedInfoHash(infoHash) ? infoHash : nil
    }

    func messages() throws -> Messages {
        var (initiator, responder) = (initiator, responder)
        let greeting = initiator.greeting
        let answer = try responder.received(greeting, find: find).reply
        let request = try initiator.received(answer).reply
        let choice = try responder.received(request, find: find)
        let end = try initiator.received(choice.reply)
        return Messages(
            greeting: greeting,
            answer: answer,
            request: request,
            choice: choice.reply,
            initiator: try #require(end.connection),
            responder: try #require(choice.connection)
        )
    }

    /// Lets the sides speak, a part of at most `length` bytes at a time.
    mutating func exchange(
        partsOf length: Int
    ) throws -> (initiator: EncryptedConnection, responder: EncryptedConnection) {
        var toResponder = initiator.greeting
        var toInitiator = ByteBuffer()
        var established: (EncryptedConnection?, EncryptedConnection?) = (nil, nil)
        while toResponder.readableBytes + toInitiator.readableBytes > 0 {
            if let part = toResponder.readSlice(length: min(length, toResponder.readableBytes)) {
                let step = try responder.received(part, find: find)
                toInitiator.writeImmutableBuffer(step.reply)
                if let connection = step.connection { established.1 = connection }
            }
            if established.0 == nil,
                let part = toInitiator.readSlice(length: min(length, toInitiator.readableBytes))
            {
                let step = try initiator.received(part)
                toResponder.writeImmutableBuffer(step.reply)
                if let connection = step.connection { established.0 = connection }
            }
        }
        return (try #require(established.0), try #require(established.1))
    }
}

func joined(_ parts: ByteBuffer...) -> ByteBuffer {
    parts.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
}
