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
///  0  version (1)    1  FileID    38  zero (2 bytes)    40  export    44  MAC    52
/// ```
/// The export is big-endian; the MAC is SipHash-2-4 of bytes 0 to 43. 52 bytes: a multiple of 4,
/// which Linux needs, and at most 56, which some clients insist on.
package struct FileHandleCodec: Sendable {
    package static let byteCount = 52
    package static let keyByteCount = SipHash24.keyByteCount

    private static let version: UInt8 = 1
    private static let idRange = 1..<1 + FileID.byteCount
    private static let exportOffset = 40
    private static let signedByteCount = 44

    private let sipHash: SipHash24

    /// - Parameter key: 16 random bytes that are kept in the state directory.
    /// - Returns: `nil` unless there are 16 of them.
    package init?(key: [UInt8]) {
        guard let sipHash = SipHash24(key: key) else { return nil }
        self.sipHash = sipHash
    }

    package func encode(_ handle: FileHandle) -> NFS3FileHandle {
        NFS3FileHandle(count: Self.byteCount) { bytes in
            var series = series(exportID: handle.exportID)
            series.encode(handle.id, into: bytes)
        }
    }

    /// Encodes handles of one export one after the other, as a listing needs them.
    package func series(exportID: UInt32) -> Series {
        Series(exportID: exportID, sipHash: sipHash)
    }

    /// Handles of neighbours mostly differ in their index alone: what comes before it is hashed once.
    package struct Series {
        /// The first bytes of a handle, as far as they are whole words of the hash and before the index.
        private struct Beginning {
            static let byteCount = (idRange.lowerBound + FileID.indexOffset) & ~7

            let words: (UInt64, UInt64, UInt64)
            let hash: SipHash24.Beginning

            init(_ bytes: UnsafeRawBufferPointer, _ sipHash: SipHash24) {
                words = Self.words(bytes)
                let beginning = UnsafeRawBufferPointer(rebasing: bytes[..<Self.byteCount])
                hash = sipHash.beginning(beginning)
            }

            func isThat(of bytes: UnsafeRawBufferPointer) -> Bool { words == Self.words(bytes) }

            private static func words(_ bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64, UInt64) {
                func word(_ number: Int) -> UInt64 {
                    bytes.loadUnaligned(fromByteOffset: 8 * number, as: UInt64.self)
                }
                return (word(0), word(1), word(2))
            }
        }

        fileprivate let exportID: UInt32
        fileprivate let sipHash: SipHash24
        private var last: Beginning?

        fileprivate init(exportID: UInt32, sipHash: SipHash24) {
            self.exportID = exportID
            self.sipHash = sipHash
        }

        /// Writes the handle of an object.
        ///
        /// - Precondition: `bytes` are `byteCount` bytes.
        package mutating func encode(_ id: FileID, into bytes: UnsafeMutableRawBufferPointer) {
            bytes[0] = version
            id.encode(into: UnsafeMutableRawBufferPointer(rebasing: bytes[idRange]))
            for offset in idRange.upperBound..<exportOffset { bytes[offset] = 0 }
            bytes.storeBytes(of: exportID.bigEndian, toByteOffset: exportOffset, as: UInt32.self)
            let written = UnsafeRawBufferPointer(bytes)
            let beginning: Beginning
            if let last, last.isThat(of: written) {
                beginning = last
            } else {
                beginning = Beginning(written, sipHash)
                last = beginning
            }
            let rest = UnsafeRawBufferPointer(
                rebasing: written[Beginning.byteCount..<signedByteCount]
            )
            bytes.storeBytes(
                of: beginning.hash.hash(followedBy: rest).bigEndian,
                toByteOffset: signedByteCount,
                as: UInt64.self
            )
        }
    }

    /// - Returns: `nil` for bytes that this codec's key did not sign.
    package func decode(_ handle: NFS3FileHandle) -> FileHandle? {
        handle.withUnsafeBytes { bytes in
            guard bytes.count == Self.byteCount, bytes[0] == Self.version else { return nil }
            let signed = UnsafeRawBufferPointer(rebasing: bytes[..<Self.signedByteCount])
            let mac = bytes.loadUnaligned(fromByteOffset: Self.signedByteCount, as: UInt64.self)
            let export = bytes.loadUnaligned(fromByteOffset: Self.exportOffset, as: UInt32.self)
            guard sipHash.hash(signed) == UInt64(bigEndian: mac),
                let id = FileID(
                    decoding: UnsafeRawBufferPointer(rebasing: bytes[Self.idRange])
                )
            else { return nil }
            return FileHandle(exportID: UInt32(bigEndian: export), id: id)
        }
    }
}
