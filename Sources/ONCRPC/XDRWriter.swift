/// Writes XDR (RFC 4506) into memory of fixed size.
///
/// Past its end it writes nothing and goes on counting, so that the one who lent the memory can
/// lend enough and have the value encoded again: no check of a result at every word, no error that
/// an encoder could have. A writer must not leave the closure that lends it
/// (``NIOCore/ByteBuffer/writeXDR(reserving:_:)``).
package struct XDRWriter {
    private let bytes: UnsafeMutableRawBufferPointer
    /// Bytes written, and those that there was no room for.
    package private(set) var count = 0

    package init(_ bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
    }

    package var hasOverflowed: Bool { count > bytes.count }

    package mutating func write(_ value: UInt32) {
        if count + 4 <= bytes.count {
            bytes.storeBytes(of: value.bigEndian, toByteOffset: count, as: UInt32.self)
        }
        count += 4
    }

    package mutating func write(_ value: UInt64) {
        if count + 8 <= bytes.count {
            bytes.storeBytes(of: value.bigEndian, toByteOffset: count, as: UInt64.self)
        }
        count += 8
    }

    package mutating func write(_ value: Bool) {
        write(value ? 1 as UInt32 : 0)
    }

    /// Fixed-length opaque data and its padding.
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

    /// Variable-length opaque data.
    package mutating func writeOpaque(_ source: UnsafeRawBufferPointer) {
        write(UInt32(source.count))
        writeFixedOpaque(source)
    }

    /// Variable-length opaque data or a string.
    package mutating func write(_ value: [UInt8]) {
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
