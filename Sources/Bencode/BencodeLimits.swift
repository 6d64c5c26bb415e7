/// What a decoder accepts before it gives up.
package struct BencodeLimits: Sendable {
    /// Bytes of input; at most 2^31.
    package var byteCount: Int
    /// Lists and dictionaries around a value.
    package var depth: Int
    /// Values of every kind, dictionary keys included.
    package var valueCount: Int

    package init(byteCount: Int, depth: Int = 100, valueCount: Int = 3_000_000) {
        precondition(byteCount >= 0 && byteCount <= 1 << 31)
        self.byteCount = byteCount
        self.depth = depth
        self.valueCount = valueCount
    }
}
