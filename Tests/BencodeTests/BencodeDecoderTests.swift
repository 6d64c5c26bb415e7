import Bencode
import Testing

@Suite struct BencodeDecoderTests {
    func decode(
        _ text: String,
        keyOrder: BencodeDecoder.KeyOrder = .sorted,
        trailing: Bool = false,
        limits: BencodeLimits = BencodeLimits(byteCount: 1 << 20)
    ) throws(BencodeError) -> BencodeValue {
        try BencodeDecoder(limits: limits, keyOrder: keyOrder, allowsTrailingBytes: trailing)
            .decode(Array(text.utf8))
    }

    @Test(
        arguments: [
            ("i0e", 0), ("i1e", 1), ("i-1e", -1), ("i9223372036854775807e", .max),
            ("i-9223372036854775808e", .min), ("i1000000000000e", 1_000_000_000_000),
        ] as [(String, Int64)]
    )
    func readsIntegers(text: String, number: Int64) throws {
        #expect(try decode(text).integer == number)
    }

    @Test func readsStrings() throws {
        #expect(try decode("0:").string == [])
        #expect(try decode("4:spam").text == "spam")
        let binary = try BencodeDecoder(limits: BencodeLimits(byteCount: 10))
            .decode(Array("2:".utf8) + [0xff, 0xfe])
        #expect(binary.string == [0xff, 0xfe])
        #expect(binary.text == nil)
    }

    @Test func readsListsAndDictionaries() throws {
        let value = try decode("d4:listli1e3:twolee5:emptyde1:zi3ee", keyOrder: .any)
        let list = try #require(value["list"]?.list)
        #expect(list.map(\.kind) == [.integer, .string, .list])
        #expect(value["empty"]?.dictionary?.isEmpty == true)
        #expect(value["z"]?.integer == 3)
        #expect(value["absent"] == nil)
        #expect(value["z"]?["below"] == nil)
        #expect(
            value.dictionary?.map { String(decoding: $0.key, as: UTF8.self) } == [
                "list", "empty", "z",
            ]
        )
    }

    @Test func knowsWhereEachValueStands() throws {
        let text = "d4:infod1:ai1ee1:zle8:zzzzzzzz2:hie"
        let value = try decode(text)
        #expect(value.range == 0..<text.utf8.count)
        let info = try #require(value["info"])
        #expect(info.range == 7..<15)
        #expect(info.encoded.elementsEqual("d1:ai1ee".utf8))
        #expect(value["z"]?.encoded.elementsEqual("le".utf8) == true)
        #expect(value["zzzzzzzz"]?.encoded.elementsEqual("2:hi".utf8) == true)
    }

    @Test(
        arguments: [
            ("", .truncated, 0), ("i", .truncated, 0), ("i1", .truncated, 0),
            ("5", .stringTooLong, 0), ("1", .truncated, 0),
            ("l", .truncated, 1), ("li1e", .truncated, 4), ("d1:a", .truncated, 4),
            ("ie", .malformedInteger, 0), ("i-e", .malformedInteger, 0),
            ("i-0e", .malformedInteger, 0),
            ("i00e", .malformedInteger, 0), ("i03e", .malformedInteger, 0),
            ("i-03e", .malformedInteger, 0), ("i+1e", .malformedInteger, 0),
            ("i1 e", .malformedInteger, 0), ("i1.5e", .malformedInteger, 0),
            ("i--1e", .malformedInteger, 0), ("i9223372036854775808e", .integerOverflow, 0),
            ("i-9223372036854775809e", .integerOverflow, 0),
            ("i99999999999999999999999999999e", .integerOverflow, 0),
            ("01:a", .malformedLength, 0), ("00:", .malformedLength, 0),
            ("1a:x", .malformedLength, 0),
            ("4:spa", .stringTooLong, 0), ("99999999999999999999999:a", .stringTooLong, 0),
            ("e", .unexpectedByte(0x65), 0), ("x", .unexpectedByte(0x78), 0),
            ("-1:a", .unexpectedByte(0x2d), 0), ("l l", .unexpectedByte(0x20), 1),
            ("di1ei2ee", .keyNotString, 1), ("dlei2ee", .keyNotString, 1),
            ("d1:ae", .missingValue, 4),
            ("d1:bi1e1:ai1ee", .unsortedKeys, 7), ("d1:ai1e1:ai1ee", .duplicateKey, 7),
            ("i1ei2e", .trailingBytes, 3), ("4:spamx", .trailingBytes, 6),
        ] as [(String, BencodeError.Reason, Int)]
    )
    func refuses(text: String, reason: BencodeError.Reason, offset: Int) {
        #expect(throws: BencodeError(reason, at: offset)) { try decode(text) }
    }

    @Test func acceptsUnsortedKeysOnlyIfTold() throws {
        let value = try decode("d1:bi1e1:ai2e1:ci3ee", keyOrder: .any)
        #expect(value["a"]?.integer == 2)
        #expect(value["c"]?.integer == 3)
    }

    @Test func findsDuplicatesAmongUnsortedKeys() {
        #expect(throws: BencodeError(.duplicateKey, at: 16)) {
            try decode("d1:bd1:xlee1:a0:1:b0:e", keyOrder: .any)
        }
        #expect(throws: BencodeError(.duplicateKey, at: 13)) {
            try decode("d1:bi1e1:ai1e1:ai1ee", keyOrder: .any)
        }
        #expect(throws: BencodeError(.duplicateKey, at: 13)) {
            try decode("ld1:bi1e1:a0:1:bi1eee", keyOrder: .any)
        }
    }

    @Test func ordersKeysByTheirBytes() throws {
        #expect(try decode("d1:ai1e2:aai2e1:bi3ee")["aa"]?.integer == 2)
        #expect(throws: BencodeError(.unsortedKeys, at: 8)) { try decode("d2:aai1e1:ai2ee") }
    }

    @Test func boundsTheDepth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "l", count: depth) + String(repeating: "e", count: depth)
        }
        #expect(try decode(nested(100)).kind == .list)
        #expect(throws: BencodeError(.tooDeep, at: 100)) { try decode(nested(101)) }
        #expect(throws: BencodeError(.tooDeep, at: 100)) {
            try decode(String(repeating: "l", count: 1 << 20))
        }
    }

    @Test func boundsTheNumberOfValuesAndBytes() {
        let few = BencodeLimits(byteCount: 20, valueCount: 3)
        #expect(throws: Never.self) { try decode("li1ei2ee", limits: few) }
        #expect(throws: BencodeError(.tooManyValues, at: 7)) {
            try decode("li1ei2ei3ee", limits: few)
        }
        #expect(throws: BencodeError(.inputTooLong, at: 20)) {
            try decode("30:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", limits: few)
        }
    }

    @Test func tellsWhereTrailingBytesBegin() throws {
        let value = try decode("d1:ai1eerest", trailing: true)
        #expect(value.range.upperBound == 8)
    }

    @Test func refusesEveryTruncation() throws {
        let bytes = Array("d4:infod6:lengthi5e4:name1:xe4:listl0:i-7eee".utf8)
        let decoder = BencodeDecoder(limits: BencodeLimits(byteCount: 100), keyOrder: .any)
        #expect(throws: Never.self) { try decoder.decode(bytes) }
        for count in 0..<bytes.count {
            #expect(throws: BencodeError.self) { try decoder.decode(Array(bytes.prefix(count))) }
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 1)
        let valid = Array("d8:announce3:url4:infod5:filesld6:lengthi5e4:pathl1:aeeee1:zi-1ee".utf8)
        let decoder = BencodeDecoder(limits: BencodeLimits(byteCount: 1000), keyOrder: .any)
        let alphabet = Array("dlei0123456789:-a".utf8)
        var accepted = 0
        for _ in 0..<100_000 {
            let bytes = mutator.mutate(valid, alphabet: alphabet)
            guard let value = try? decoder.decode(bytes) else { continue }
            accepted += 1
            // What was accepted is well formed: sorted again, it decodes strictly to the same.
            let encoded = BencodeEncoder.encode(BencodeItem(value))
            if encoded.count != bytes.count { Issue.record("\(bytes)") }
        }
        #expect(accepted > 100)
    }
}
