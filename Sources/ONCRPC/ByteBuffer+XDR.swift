package import NIOCore

extension ByteBuffer {
    /// Lends the readable bytes to `body` and moves the reader index past what it read.
    ///
    /// On an error the reader index stays.
    package mutating func readXDR<T>(
        _ body: (inout XDRReader) throws(XDRError) -> T
    ) throws(XDRError) -> T {
        var consumed = 0
        let result = withUnsafeReadableBytes { bytes -> Result<T, XDRError> in
            var reader = XDRReader(bytes)
            do throws(XDRError) {
                let value = try body(&reader)
                consumed = reader.offset
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        moveReaderIndex(forwardBy: consumed)
        return try result.get()
    }

    /// Reads one value and leaves the bytes behind it.
    package mutating func readXDR<T: XDRDecodable>(_ type: T.Type) throws(XDRError) -> T {
        try readXDR { (reader) throws(XDRError) in try T(from: &reader) }
    }

    /// Decodes the arguments of a call: the readable bytes from first to last.
    ///
    /// - Parameter slack: Bytes that may follow. Some clients round their calls up; a lot of
    ///   bytes that nobody decodes is an attack or a misunderstanding.
    package func decodeArguments<T: XDRDecodable>(
        _ type: T.Type,
        slack: Int = 8
    ) throws(XDRError) -> T {
        let result = withUnsafeReadableBytes { bytes -> Result<T, XDRError> in
            var reader = XDRReader(bytes)
            do throws(XDRError) {
                let value = try T(from: &reader)
                try reader.finish(slack: slack)
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Appends what `body` writes.
    ///
    /// `body` runs a second time if more than `byteCount` bytes were needed and not free, so it
    /// must write the same each time.
    package mutating func writeXDR(
        reserving byteCount: Int = 256,
        _ body: (inout XDRWriter) -> Void
    ) {
        var needed = byteCount
        var isComplete = false
        while !isComplete {
            writeWithUnsafeMutableBytes(minimumWritableBytes: needed) { bytes in
                var writer = XDRWriter(bytes)
                body(&writer)
                isComplete = !writer.hasOverflowed
                needed = writer.count
                return isComplete ? writer.count : 0
            }
        }
    }

    /// Appends one value.
    package mutating func writeXDR(_ value: some XDREncodable) {
        writeXDR { value.encode(into: &$0) }
    }
}
