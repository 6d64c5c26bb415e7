package import ONCRPC

/// nfs_fh3: opaque data<NFS3_FHSIZE>, at most 64 bytes that only the server understands
/// (RFC 1813 section 2.3.3).
///
/// Held inline: a handle is decoded with every call, and never by allocating.
package struct NFS3FileHandle: Sendable {
    package static let byteLimit = 64  // NFS3_FHSIZE

    private var storage = InlineArray<8, UInt64>(repeating: 0)
    /// 0...64.
    ///
    /// The empty handle can be decoded and is never valid.
    package let count: Int

    /// - Returns: `nil` for more than 64 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= Self.byteLimit else { return nil }
        count = bytes.count
        withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes) }
    }

    /// Makes a handle of bytes that `body` writes, all of which are zero before.
    ///
    /// - Precondition: `count` is at most 64.
    package init(count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        precondition(count <= Self.byteLimit)
        self.count = count
        withUnsafeMutableBytes(of: &storage) {
            body(UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
        }
    }

    package func withUnsafeBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
        Swift.withUnsafeBytes(of: storage) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    package var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}

extension NFS3FileHandle: Hashable {
    package static func == (left: Self, right: Self) -> Bool {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in left.elementsEqual(right) }
        }
    }

    package func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension NFS3FileHandle: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        let bytes = try reader.readOpaque(limit: Self.byteLimit)
        count = bytes.count
        withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
    }

    package func encode(into writer: inout XDRWriter) {
        withUnsafeBytes { writer.writeOpaque($0) }
    }
}
