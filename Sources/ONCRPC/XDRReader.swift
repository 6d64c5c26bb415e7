/// Reads XDR (RFC 4506) from memory.
///
/// Over a raw pointer, since reading a header word by word through `ByteBuffer` costs ten times
/// as much. The memory is borrowed: a reader lives inside the closure that lends it and must not
/// leave it (``NIOCore/ByteBuffer/readXDR(_:)``). Every length is compared with its limit and with
/// the bytes that are really there before anything is allocated.
package struct XDRReader {
    private let bytes: UnsafeRawBufferPointer
    /// Bytes read so far.
    package private(set) var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    package var remainingCount: Int { bytes.count - offset }

    package mutating func readUInt32() throws(XDRError) -> UInt32 {
        guard bytes.count - offset >= 4 else { throw .truncated(offset: offset) }
        defer { offset += 4 }
        return UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    package mutating func readUInt64() throws(XDRError) -> UInt64 {
        guard bytes.count - offset >= 8 else { throw .truncated(offset: offset) }
        defer { offset += 8 }
        return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    package mutating func readBool() throws(XDRError) -> Bool {
        switch try readUInt32() {
        case 0: return false
        case 1: return true
        case let value: throw .invalidValue(offset: offset - 4, value: value)
        }
    }

    /// An enumeration (RFC 4506 section 4.3).
    package mutating func readEnum<T: RawRepresentable<UInt32>>(
        _ type: T.Type
    ) throws(XDRError) -> T {
        let value = try readUInt32()
        guard let result = T(rawValue: value) else {
            throw .invalidValue(offset: offset - 4, value: value)
        }
        return result
    }

    /// Fixed-length opaque data and its padding, whose value is not looked at.
    ///
    /// - Returns: Borrowed memory, valid as long as the reader.
    package mutating func readFixedOpaque(count: Int) throws(XDRError) -> UnsafeRawBufferPointer {
        let padded = count + XDRPadding.count(after: count)
        guard bytes.count - offset >= padded else { throw .truncated(offset: offset) }
        defer { offset += padded }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    /// The length of variable-length data of at most `limit` elements or bytes.
    package mutating func readCount(limit: Int) throws(XDRError) -> Int {
        let length = try readUInt32()
        guard length <= limit else {
            throw .tooLong(offset: offset - 4, length: length, limit: limit)
        }
        return Int(length)
    }

    /// Variable-length opaque data, borrowed.
    package mutating func readOpaque(limit: Int) throws(XDRError) -> UnsafeRawBufferPointer {
        let count = try readCount(limit: limit)
        return try readFixedOpaque(count: count)
    }

    /// Variable-length opaque data or a string, copied.
    package mutating func readBytes(limit: Int) throws(XDRError) -> [UInt8] {
        [UInt8](try readOpaque(limit: limit))
    }

    /// A variable-length array.
    ///
    /// Grows with the elements that are there, not with its claim.
    package mutating func readArray<T: XDRDecodable>(
        of type: T.Type,
        limit: Int
    ) throws(XDRError) -> [T] {
        let count = try readCount(limit: limit)
        var elements: [T] = []
        for _ in 0..<count { elements.append(try T(from: &self)) }
        return elements
    }

    /// A linked list: each element is preceded by true, the end is false.
    package mutating func readList<T: XDRDecodable>(of type: T.Type) throws(XDRError) -> [T] {
        var elements: [T] = []
        while try readBool() { elements.append(try T(from: &self)) }
        return elements
    }

    /// - Throws: ``XDRError/trailingBytes(count:)`` if more than `slack` bytes are left.
    package func finish(slack: Int) throws(XDRError) {
        guard remainingCount <= slack else { throw .trailingBytes(count: remainingCount) }
    }
}
