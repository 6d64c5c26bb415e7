/// A decoded input and the table of its values, in the order in which they start.
final class BencodeDocument: Sendable {
    struct Node: Sendable {
        let kind: BencodeValue.Kind
        /// Offset of its first byte.
        let start: UInt32
        /// Offset of the first byte of a string, or of the first character of a number.
        let content: UInt32
        /// Offset of the byte after it.
        var end: UInt32
        /// Index of the first value that is not part of it.
        var next: UInt32
    }

    let bytes: [UInt8]
    let nodes: [Node]

    init(bytes: [UInt8], nodes: [Node]) {
        self.bytes = bytes
        self.nodes = nodes
    }
}
