/// Writes XDR (RFC 4506) into memory of fixed size.
///
/// Past its end it writes nothing and goes on counting, so that the one who lent the memory can
/// lend enough and have the value encoded again: no check of a result at every word, no error that
/// an encoder could have. A writer must not leave the closure that lends it
/// (``NIOCore/ByteBuffer/writeXDR(reserving:_:)``).
///
/// Its words are inlined into the encoders of other modules: a listing has forty to an entry.
@usableFromInline
package struct XDRWriter {
    @usableFromInline
    let bytes: UnsafeMutableRawBufferPointer
    /// Bytes written, and those that there was no room for.
    @usableFromInline
    package internal(set) var count = 0

    @inlinable
    package init(_ bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
    }

    @inlinable
    package var hasOverflowed: Bool { count > bytes.count }

    @inlinable
    package mutating func write(_ value: UInt32) {
        if count + 4 <= bytes.count {
            bytes.storeBytes(of: value.bigEndian, toByteOffset: count, as: UInt32.self)
        }
        count += 4
    }

    @inlinable
    package mutating func write(_ value: UInt64) {
        if count + 8 <= bytes.count {
            bytes.storeBytes(of: value.bigEndian, toByteOffset: count, as: UInt64.self)
        }
        count += 8
    }

    @inlinable
    package mutating func write(_ value: Bool) {
        write(value ? 1 as UInt32 : 0)
    }

    /// Fixed-length opaque data and its padding.
    @inlinable
    package mutating func writeFixedOpaque(_ source: UnsafeRawBufferPointer) {
        let padding = XDRPadding.count(after: source.count)
        let end = count + source.count + padding
        if end <= bytes.count, let base = bytes.baseAddress {
            if let start = source.baseAddress {
                (base + count).copyMemory(from: start, byteCount: source.count)
            }
            for index in 0..<padding { bytes[end - 1 - index] = 0 }
        }
        count = end
    }

    /// Fixed-length opaque data and its padding.
    ///
    /// - Parameter body: is lent the bytes and fills all of them; it is not called where there is no room.
    @inlinable
    package mutating func writeFixedOpaque(
        byteCount: Int,
        _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let padding = XDRPadding.count(after: byteCount)
        let end = count + byteCount + padding
        if end <= bytes.count {
            body(UnsafeMutableRawBufferPointer(rebasing: bytes[count..<count + byteCount]))
            for index in 0..<padding { bytes[end - 1 - index] = 0 }
        }
        count = end
    }

    /// Variable-length opaque data.
    @inlinable
    package mutating func writeOpaque(_ source: UnsafeRawBufferPointer) {
        write(UInt32(source.count))
        writeFixedOpaque(source)
    }

    /// Variable-length opaque data or a string.
    package mutating func write(_ value: [UInt8]) {
        value.withUnsafeBytes { writeOpaque($0) }
    }

    /// Variable-length opaque data or a string, lent.
    @inlinable
    package mutating func write(_ value: Span<UInt8>) {
        value.withUnsafeBytes { writeOpaque($0) }
    }

    /// A variable-length array.
    package mutating func writeArray(_ elements: [some XDREncodable]) {
        write(UInt32(elements.count))
        for element in elements { element.encode(into: &self) }
    }

    /// A linked list: each element is preceded by true, the end is false.
    package mutating func writeList(_ elements: [some XDREncodable]) {
        for element in elements {
            write(true)
            element.encode(into: &self)
        }
        write(false)
    }
}

/// The zero bytes that fill opaque data up to a multiple of four (RFC 4506 section 3).
@usableFromInline
package enum XDRPadding {
    /// 0...3.
    @inlinable
    package static func count(after byteCount: Int) -> Int { -byteCount & 3 }
}
