/// A value inside decoded bencode (BEP 3): a view that holds on to the input, and knows its place
/// in it.
///
/// All values of an input share one flat table instead of a tree of objects, so that a torrent of
/// 100,000 files costs one array.
package struct BencodeValue: Sendable {
    package enum Kind: UInt8, Sendable {
        case integer
        case string
        case list
        case dictionary
    }

    let document: BencodeDocument
    let index: Int

    private var node: BencodeDocument.Node { document.nodes[index] }

    package var kind: Kind { node.kind }

    /// Where the value stands in the input, its delimiters included.
    package var range: Range<Int> { Int(node.start)..<Int(node.end) }

    /// The value exactly as found, delimiters included: what an info-hash is made of.
    package var encoded: ArraySlice<UInt8> { document.bytes[range] }

    /// The number, or `nil` if this is no integer.
    package var integer: Int64? {
        guard kind == .integer else { return nil }
        var magnitude: UInt64 = 0
        let digits = document.bytes[Int(node.content)..<Int(node.end) - 1]
        let isNegative = digits.first == UInt8(ascii: "-")
        // The decoder has seen that the number fits 64 bits.
        for digit in digits.dropFirst(isNegative ? 1 : 0) {
            magnitude = magnitude &* 10 &+ UInt64(digit &- UInt8(ascii: "0"))
        }
        let number = Int64(truncatingIfNeeded: magnitude)
        return isNegative ? 0 &- number : number
    }

    /// The bytes of a string, or `nil` if this is none.
    package var string: ArraySlice<UInt8>? {
        guard kind == .string else { return nil }
        return document.bytes[Int(node.content)..<Int(node.end)]
    }

    /// The text of a string that is valid UTF-8, or `nil`.
    package var text: String? {
        string.flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The elements in order, or `nil` if this is no list.
    package var list: Elements? {
        guard kind == .list else { return nil }
        return Elements(document: document, position: index + 1, end: Int(node.next))
    }

    /// The entries in the order found, or `nil` if this is no dictionary.
    package var dictionary: Entries? {
        guard kind == .dictionary else { return nil }
        return Entries(
            elements: Elements(document: document, position: index + 1, end: Int(node.next))
        )
    }

    /// The value under `key`, or `nil` if this is no dictionary or has no such key.
    ///
    /// Looks at one entry after another.
    package subscript(key: String) -> BencodeValue? {
        guard let dictionary else { return nil }
        let key = key.utf8
        for (candidate, value) in dictionary
        where candidate.count == key.count && candidate.elementsEqual(key) {
            return value
        }
        return nil
    }

    /// Values that follow one another.
    package struct Elements: Sequence, IteratorProtocol, Sendable {
        let document: BencodeDocument
        var position: Int
        let end: Int

        package var isEmpty: Bool { position == end }

        package mutating func next() -> BencodeValue? {
            guard position < end else { return nil }
            defer { position = Int(document.nodes[position].next) }
            return BencodeValue(document: document, index: position)
        }
    }

    /// Keys and values that follow one another.
    package struct Entries: Sequence, IteratorProtocol, Sendable {
        var elements: Elements

        package var isEmpty: Bool { elements.isEmpty }

        package mutating func next() -> (key: ArraySlice<UInt8>, value: BencodeValue)? {
            guard let key = elements.next()?.string, let value = elements.next() else { return nil }
            return (key, value)
        }
    }
}
