import Bencode
import Testing

@Suite struct BencodeEncoderTests {
    @Test(
        arguments: [
            (0, "i0e"), (-42, "i-42e"), (.integer(.min), "i-9223372036854775808e"),
            ("", "0:"), ("spam", "4:spam"), ([], "le"), ([1, "a", [2]], "li1e1:ali2eee"),
            ([:], "de"), (["b": 1, "a": ["z": 2]], "d1:ad1:zi2ee1:bi1ee"),
            (["x": .encoded(Array("i7e".utf8))], "d1:xi7ee"),
        ] as [(BencodeItem, String)]
    )
    func writesCanonically(item: BencodeItem, text: String) {
        #expect(String(decoding: BencodeEncoder.encode(item), as: UTF8.self) == text)
    }

    @Test func sortsKeysByTheirBytes() {
        let item: BencodeItem = ["b": 1, "aa": 2, "a": 3, "B": 4, "é": 5]
        #expect(
            String(decoding: BencodeEncoder.encode(item), as: UTF8.self)
                == "d1:Bi4e1:ai3e2:aai2e1:bi1e2:éi5ee"
        )
    }

    @Test func setsOnlyWhatIsThere() {
        var item: BencodeItem = ["a": 1]
        item.set("b", to: 2)
        item.set("c", to: nil)
        #expect(item == ["a": 1, "b": 2])
    }

    @Test func isReadBackUnchanged() throws {
        var mutator = Mutator(seed: 2)
        let decoder = BencodeDecoder(limits: BencodeLimits(byteCount: 1 << 20))
        for _ in 0..<2000 {
            let item = randomItem(depth: 4, using: &mutator)
            let bytes = BencodeEncoder.encode(item)
            let value = try decoder.decode(bytes)
            #expect(BencodeItem(value) == item)
            #expect(Array(value.encoded) == bytes)
        }
    }

    private func randomItem(depth: Int, using generator: inout Mutator) -> BencodeItem {
        func bytes() -> [UInt8] {
            (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
        }
        let count = Int.random(in: 0...4, using: &generator)
        switch Int.random(in: 0..<(depth > 0 ? 4 : 2), using: &generator) {
        case 0: return .integer(Int64.random(in: .min ... .max, using: &generator))
        case 1: return .string(bytes())
        case 2:
            return .list((0..<count).map { _ in randomItem(depth: depth - 1, using: &generator) })
        default:
            var entries: [[UInt8]: BencodeItem] = [:]
            for _ in 0..<count {
                entries[bytes()] = randomItem(depth: depth - 1, using: &generator)
            }
            return .dictionary(entries)
        }
    }
}

extension BencodeItem {
    /// What a decoded value would be written from.
    init(_ value: BencodeValue) {
        if let integer = value.integer {
            self = .integer(integer)
        } else if let string = value.string {
            self = .string(Array(string))
        } else if let list = value.list {
            self = .list(list.map(BencodeItem.init))
        } else {
            self = .dictionary(
                Dictionary(
                    uniqueKeysWithValues: (value.dictionary.map(Array.init) ?? []).map {
                        (Array($0.key), BencodeItem($0.value))
                    }
                )
            )
        }
    }
}
