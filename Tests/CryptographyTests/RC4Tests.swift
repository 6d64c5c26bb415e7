import Cryptography
import Testing

@Suite struct RC4Tests {
    func applied(_ cipher: inout RC4, _ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes.withUnsafeMutableBytes { cipher.apply(to: $0) }
        return bytes
    }

    /// RFC 6229 section 2, the 40-bit key 0x0102030405.
    @Test(
        arguments: [
            (0, [0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27]),
            (1024, [0x30, 0xab, 0xbc, 0xc7, 0xc2, 0x0b, 0x01, 0x60]),
            (4096, [0xff, 0x25, 0xb5, 0x89, 0x95, 0x99, 0x67, 0x07]),
        ] as [(Int, [UInt8])]
    )
    func hasTheKeyStreamOfTheStandard(offset: Int, stream: [UInt8]) {
        var cipher = RC4(key: [1, 2, 3, 4, 5], discarding: offset)
        #expect(applied(&cipher, [UInt8](repeating: 0, count: 8)) == stream)
    }

    @Test func inPartsAsInOne() {
        let text = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var whole = RC4(key: [9, 8, 7])
        var parts = whole
        let expected = applied(&whole, text)
        var received: [UInt8] = []
        for start in stride(from: 0, to: text.count, by: 333) {
            received += applied(&parts, Array(text[start..<min(start + 333, text.count)]))
        }
        #expect(received == expected)
        var back = RC4(key: [9, 8, 7])
        #expect(applied(&back, expected) == text)
    }

    @Test func leavesItsSourceAlone() {
        let text = Array("payload that others share".utf8)
        var output = [UInt8](repeating: 0, count: text.count)
        var (one, other) = (RC4(key: [1]), RC4(key: [1]))
        text.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { one.apply(source, into: $0) }
        }
        #expect(text == Array("payload that others share".utf8))
        #expect(output == applied(&other, text))
    }

    @Test func aCopyGoesItsOwnWay() {
        var one = RC4(key: [4, 5, 6])
        var other = one
        let first = applied(&one, [0, 0, 0, 0])
        #expect(applied(&one, [0, 0, 0, 0]) != first)
        #expect(applied(&other, [0, 0, 0, 0]) == first)
        #expect(applied(&other, []) == [])
    }
}
