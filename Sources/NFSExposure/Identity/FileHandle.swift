import BitTorrentProtocol
import Cryptography
package import NFSProtocol
package import VirtualTree

/// What an NFS file handle says: an object of the tree, as seen through one export.
///
/// The handle is the identity itself, so there is no table of handles to lose: it outlives restarts,
/// evictions and added torrents, and another server with the same key knows it too.
package struct FileHandle: Hashable, Sendable {
    package let exportID: UInt32
    package let id: FileID

    package init(exportID: UInt32, id: FileID) {
        self.exportID = exportID
        self.id = id
    }
}

/// Handles to bytes and back, signed so that nobody can make one up.
///
/// ```
///  0  version (1)      8  route       36  member (8 bytes)
///  1  kind            12  info-hash   44  SipHash-2-4 of bytes 0 to 43
///  2  zero (2 bytes)  32  index       52
///  4  export
/// ```
/// Integers are big-endian. 52 bytes: a multiple of 4, which Linux needs, and at most 56, which
/// some clients insist on.
package struct FileHandleCodec: Sendable {
    package static let byteCount = 52
    package static let keyByteCount = SipHash24.keyByteCount

    private static let version: UInt8 = 1
    private static let signedByteCount = 44

    private let sipHash: SipHash24

    /// - Parameter key: 16 random bytes that are kept in the state directory.
    /// - Returns: `nil` unless there are 16 of them.
    package init?(key: [UInt8]) {
        guard let sipHash = SipHash24(key: key) else { return nil }
        self.sipHash = sipHash
    }

    package func encode(_ handle: FileHandle) -> NFS3FileHandle {
        withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { bytes in
            encode(handle, into: bytes)
            guard let result = NFS3FileHandle(UnsafeRawBufferPointer(bytes)) else {
                preconditionFailure("52 bytes are fewer than NFS3_FHSIZE.")
            }
            return result
        }
    }

    /// - Returns: `nil` for bytes that this codec's key did not sign.
    package func decode(_ handle: NFS3FileHandle) -> FileHandle? {
        handle.withUnsafeBytes { decode($0) }
    }

    private func decode(_ bytes: UnsafeRawBufferPointer) -> FileHandle? {
        guard bytes.count == Self.byteCount, bytes[0] == Self.version else { return nil }
        let signed = UnsafeRawBufferPointer(rebasing: bytes[..<Self.signedByteCount])
        let mac: UInt64 = load(bytes, at: Self.signedByteCount)
        guard sipHash.hash(signed) == mac, let kind = FileID.Kind(rawValue: bytes[1]),
            load(bytes, at: 2) as UInt16 == 0
        else { return nil }
        let id: FileID
        switch kind {
        case .root, .route:
            id = FileID(
                kind: kind,
                route: load(bytes, at: 8),
                index: load(bytes, at: 32),
                member: load(bytes, at: 36)
            )
        case .torrentDirectory, .torrentFile:
            id = FileID(
                kind: kind,
                route: load(bytes, at: 8),
                infoHash: InfoHash(bytes: bytes[12..<32]),
                index: load(bytes, at: 32),
                member: load(bytes, at: 36)
            )
        }
        return FileHandle(exportID: load(bytes, at: 4), id: id)
    }

    private func encode(_ handle: FileHandle, into bytes: UnsafeMutableRawBufferPointer) {
        store(UInt32(Self.version) << 24 | UInt32(handle.id.kind.rawValue) << 16, in: bytes, at: 0)
        store(handle.exportID, in: bytes, at: 4)
        store(handle.id.route, in: bytes, at: 8)
        if let infoHash = handle.id.infoHash {
            UnsafeMutableRawBufferPointer(rebasing: bytes[12..<32]).copyBytes(from: infoHash.bytes)
        } else {
            UnsafeMutableRawBufferPointer(rebasing: bytes[12..<32])
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
        store(handle.id.index, in: bytes, at: 32)
        store(handle.id.member, in: bytes, at: 36)
        let signed = UnsafeRawBufferPointer(rebasing: bytes[..<Self.signedByteCount])
        store(sipHash.hash(signed), in: bytes, at: Self.signedByteCount)
    }

    private func load<T: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int
    ) -> T {
        T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    private func store(
        _ value: some FixedWidthInteger & BitwiseCopyable,
        in bytes: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) {
        bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: type(of: value))
    }
}
