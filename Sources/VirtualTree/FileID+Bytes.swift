import BitTorrentProtocol

// The form in which handles carry an identity. Clients hold handles for ever, so it never changes:
//
//      0 kind    1 route    5 info-hash (zeros if none)    25 index    29 member    37
//
// Integers are big-endian.

extension FileID {
    package static let byteCount = 37
    /// Where the index begins: what is before it is the same for all files of a torrent in a route.
    package static let indexOffset = 25

    /// - Precondition: `bytes` has room for `byteCount` bytes.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) {
        bytes[0] = kind.rawValue
        bytes.storeBytes(of: route.bigEndian, toByteOffset: 1, as: UInt32.self)
        let hash = UnsafeMutableRawBufferPointer(rebasing: bytes[5..<25])
        if let infoHash {
            infoHash.encode(into: hash)
        } else {
            hash.initializeMemory(as: UInt8.self, repeating: 0)
        }
        bytes.storeBytes(of: index.bigEndian, toByteOffset: 25, as: UInt32.self)
        bytes.storeBytes(of: member.bigEndian, toByteOffset: 29, as: UInt64.self)
    }

    /// - Returns: `nil` unless `bytes` begin with what `encode` wrote.
    package init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount, let kind = Kind(rawValue: bytes[0]) else {
            return nil
        }
        let infoHash: InfoHash? =
            switch kind {
            case .root, .route: nil
            case .torrentDirectory, .torrentFile:
                InfoHash(prefixOf: UnsafeRawBufferPointer(rebasing: bytes[5...]))
            }
        self.init(
            kind: kind,
            route: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)),
            infoHash: infoHash,
            index: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 25, as: UInt32.self)),
            member: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 29, as: UInt64.self))
        )
    }
}
