/// Decodes bencode (BEP 3) strictly, within limits and without recursion.
package struct BencodeDecoder: Sendable {
    package enum KeyOrder: Sendable {
        /// As BEP 3 has it: raw bytes, ascending.
        case sorted
        /// Any: torrents with unsorted keys are in use, and their info-hash is that of their bytes.
        case any
    }

    package var limits: BencodeLimits
    package var keyOrder: KeyOrder
    /// Whether bytes may follow the value; `BencodeValue.range` then tells where they begin.
    package var allowsTrailingBytes: Bool

    package init(
        limits: BencodeLimits,
        keyOrder: KeyOrder = .sorted,
        allowsTrailingBytes: Bool = false
    ) {
        self.limits = limits
        self.keyOrder = keyOrder
        self.allowsTrailingBytes = allowsTrailingBytes
    }

    /// Duplicate keys are an error in either order.
    package func decode(_ bytes: [UInt8]) throws(BencodeError) -> BencodeValue {
        guard bytes.count <= limits.byteCount else {
            throw BencodeError(.inputTooLong, at: limits.byteCount)
        }
        var scan = BencodeScan(bytes: bytes, limits: limits, keyOrder: keyOrder)
        try scan.run()
        guard allowsTrailingBytes || scan.position == bytes.count else {
            throw BencodeError(.trailingBytes, at: scan.position)
        }
        return BencodeValue(
            document: BencodeDocument(bytes: bytes, nodes: scan.nodes),
            index: 0
        )
    }
}
