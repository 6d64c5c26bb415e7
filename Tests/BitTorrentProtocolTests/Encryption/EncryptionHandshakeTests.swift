import BitTorrentProtocol
import NIOCore
import Testing

@Suite struct EncryptionHandshakeTests {
    static let both: EncryptionMethods = [.plaintext, .rc4]

    /// What is offered, what is accepted, and whether everything is encrypted then.
    @Test(
        arguments: [
            (both, both, false), (both, .rc4, true), (both, .plaintext, false), (.rc4, both, true),
            (.rc4, .rc4, true), (.plaintext, both, false), (.plaintext, .plaintext, false),
        ] as [(EncryptionMethods, EncryptionMethods, Bool)]
    )
    func bothSidesMeetHoweverTheBytesAreCut(
        offered: EncryptionMethods,
        accepted: EncryptionMethods,
        isEncrypted: Bool
    ) throws {
        for (number, length) in [1, 2, 7, 95, 97, 1000].enumerated() {
            var pair = try EncryptionPair(
                seed: UInt64(number),
                offering: offered,
                accepting: accepted
            )
            var (initiator, responder) = try pair.exchange(partsOf: length)
            #expect(responder.infoHash == pair.infoHash)
            #expect(responder.received == EncryptionPair.payload)
            #expect(initiator.received.readableBytes == 0)
            #expect((initiator.ciphers != nil) == isEncrypted)
            #expect((responder.ciphers != nil) == isEncrypted)
            try expectUnderstanding(&initiator, &responder)
        }
    }

    func expectUnderstanding(
        _ one: inout EncryptedConnection,
        _ other: inout EncryptedConnection
    ) throws {
        guard var first = one.ciphers, var second = other.ciphers else { return }
        for number in 0..<5 {
            let text = ByteBuffer(repeating: UInt8(number), count: 1000 * number)
            let there = first.encrypt(text)
            #expect(number == 0 || there != text)
            #expect(second.decrypt(there) == text)
            #expect(first.decrypt(second.encrypt(text)) == text)
        }
    }

    @Test(
        arguments: [(.rc4, .plaintext), (.plaintext, .rc4), (.rc4, [])]
            as [(EncryptionMethods, EncryptionMethods)]
    )
    func refusesWithoutACommonMethod(
        offered: EncryptionMethods,
        accepted: EncryptionMethods
    ) throws {
        var pair = try EncryptionPair(offering: offered, accepting: accepted)
        #expect(throws: EncryptionError.noCommonMethod(offered: offered)) {
            try pair.exchange(partsOf: 100)
        }
    }

    @Test(arguments: [EncryptionMethods.rc4, .plaintext])
    func keepsWhatFollowsInTheSameSegment(method: EncryptionMethods) throws {
        var pair = try EncryptionPair(offering: method, accepting: method)
        let messages = try pair.messages()
        let text = ByteBuffer(string: "the first request")
        var ciphers = messages.responder.ciphers
        let sent = ciphers?.encrypt(text) ?? text
        _ = try pair.initiator.received(messages.answer)
        let end = try pair.initiator.received(joined(messages.choice, sent))
        #expect(end.connection?.received == text)
        var next = try #require(end.connection).ciphers
        #expect(next?.decrypt(ciphers?.encrypt(text) ?? text) ?? text == text)

        // An eager side that leaves no choice need not wait for the answer.
        ciphers = messages.initiator.ciphers
        let eager = ciphers?.encrypt(text) ?? text
        let step = try pair.responder.received(
            joined(messages.greeting, messages.request, eager),
            find: pair.find
        )
        #expect(step.connection?.received == joined(EncryptionPair.payload, text))
        #expect(step.reply == joined(messages.answer, messages.choice))
        next = try #require(step.connection).ciphers
        #expect(next?.decrypt(ciphers?.encrypt(text) ?? text) ?? text == text)
    }

    @Test func waitsAtEveryTruncation() throws {
        let pair = try EncryptionPair()
        let messages = try pair.messages()
        let toResponder = joined(messages.greeting, messages.request)
        for length in 0..<toResponder.readableBytes {
            var responder = pair.responder
            let part = try #require(toResponder.getSlice(at: 0, length: length))
            #expect(try responder.received(part, find: pair.find).connection == nil)
        }
        let toInitiator = joined(messages.answer, messages.choice)
        for length in 0..<toInitiator.readableBytes {
            var initiator = pair.initiator
            let part = try #require(toInitiator.getSlice(at: 0, length: length))
            #expect(try initiator.received(part).connection == nil)
        }
    }

    @Test func paddingIsOfEveryLengthUpToItsBound() throws {
        let lengths = try (0..<200).map { seed in
            try EncryptionPair(seed: seed).initiator.greeting.readableBytes
        }
        #expect(lengths.allSatisfy { (96...96 + 512).contains($0) })
        #expect(Set(lengths).count > 100)
    }

    @Test func findsTheEndOfTheLongestPaddingAndSearchesNoFurther() throws {
        let pair = try EncryptionPair()
        let messages = try pair.messages()
        let (ours, theirs) = try messages.keys()
        let longest = ByteBuffer(repeating: 7, count: 512)
        let tooLong = ByteBuffer(repeating: 7, count: 513)

        var responder = pair.responder
        let step = try responder.received(
            joined(ours, longest, messages.request),
            find: pair.find
        )
        #expect(step.connection != nil)
        responder = pair.responder
        #expect(throws: EncryptionError.notSynchronised) {
            try responder.received(joined(ours, tooLong, messages.request), find: pair.find)
        }
        // 628 bytes are enough to know.
        responder = pair.responder
        let noise = ByteBuffer(repeating: 7, count: 531)
        #expect(try responder.received(joined(ours, noise), find: pair.find).connection == nil)
        #expect(throws: EncryptionError.notSynchronised) {
            try responder.received(ByteBuffer(bytes: [7]), find: pair.find)
        }

        var initiator = pair.initiator
        #expect(
            try initiator.received(joined(theirs, longest, messages.choice)).connection != nil
        )
        initiator = pair.initiator
        #expect(throws: EncryptionError.notSynchronised) {
            try initiator.received(joined(theirs, tooLong, messages.choice))
        }
    }
}
