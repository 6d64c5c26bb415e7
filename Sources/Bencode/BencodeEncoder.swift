/// Writes canonical bencode: keys sorted by their bytes, numbers without leading zeros.
package enum BencodeEncoder {
    package static func encode(_ item: BencodeItem) -> [UInt8] {
        var output: [UInt8] = []
        append(item, to: &output)
        return output
    }

    // Recursive, because the depth is the caller's own and not that of an input.
    private static func append(_ item: BencodeItem, to output: inout [UInt8]) {
        switch item {
        case .integer(let number):
            output.append(UInt8(ascii: "i"))
            output += String(number).utf8
            output.append(UInt8(ascii: "e"))
        case .string(let bytes):
            append(bytes, to: &output)
        case .list(let items):
            output.append(UInt8(ascii: "l"))
            for item in items { append(item, to: &output) }
            output.append(UInt8(ascii: "e"))
        case .dictionary(let entries):
            output.append(UInt8(ascii: "d"))
            for (key, value) in entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                append(key, to: &output)
                append(value, to: &output)
            }
            output.append(UInt8(ascii: "e"))
        case .encoded(let bytes):
            output += bytes
        }
    }

    private static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
        output += String(bytes.count).utf8
        output.append(UInt8(ascii: ":"))
        output += bytes
    }
}
