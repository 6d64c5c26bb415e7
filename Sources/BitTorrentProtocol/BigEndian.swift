extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    /// - Returns: `nil` if the bytes end before.
    func bigEndian<Value: FixedWidthInteger & UnsignedInteger>(
        at offset: Int
    ) -> Value? {
        let byteCount = Value.bitWidth / 8
        guard count >= offset + byteCount else { return nil }
        return self[offset..<offset + byteCount].reduce(0) { $0 << 8 | Value($1) }
    }
}
