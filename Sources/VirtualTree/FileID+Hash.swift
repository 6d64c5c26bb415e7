// Both hashes are part of what clients hold on to: of handles and of fileids. They never change,
// so they use no hasher of the standard library, whose seed differs in every process.

extension FileID {
    /// The 64-bit number by which NFS and `stat` name the object (fileid3, st_ino): from 1 to
    /// 2^63 - 1, so that clients with signed inode numbers are content, and the same for ever.
    package var fileid: UInt64 { FileIDSeries(self).fileid(index) }

    /// What ``FileID/route`` holds for the route of this name: never 0.
    package static func routeHash(_ name: [UInt8]) -> UInt32 {
        var hash = FNV1a()
        for byte in name { hash.combine(byte) }
        return max(1, UInt32(truncatingIfNeeded: hash.spread))
    }
}

/// Identities that differ in their index alone, as those of a torrent's files do: what comes before
/// the index is hashed once.
struct FileIDSeries {
    private let first: FileID
    /// Of what comes before the index.
    private let beginning: FNV1a

    /// - Parameter id: any of them.
    init(_ id: FileID) {
        first = id
        var hash = FNV1a()
        withUnsafeTemporaryAllocation(byteCount: FileID.byteCount, alignment: 8) { bytes in
            id.encode(into: bytes)
            for byte in bytes[..<FileID.indexOffset] { hash.combine(byte) }
        }
        beginning = hash
    }

    func id(_ index: UInt32) -> FileID {
        FileID(
            kind: first.kind,
            route: first.route,
            infoHash: first.infoHash,
            index: index,
            member: first.member
        )
    }

    /// What ``FileID/fileid`` is of that identity.
    func fileid(_ index: UInt32) -> UInt64 {
        var hash = beginning
        hash.combine(bigEndian: index)
        if first.member == 0 {
            hash.combineEightZeros()
        } else {
            hash.combine(bigEndian: UInt32(truncatingIfNeeded: first.member >> 32))
            hash.combine(bigEndian: UInt32(truncatingIfNeeded: first.member))
        }
        return max(1, hash.spread & 0x7FFF_FFFF_FFFF_FFFF)
    }
}

/// FNV-1a with 64 bits, and a last step that spreads every bit over the whole word.
private struct FNV1a {
    private static let prime: UInt64 = 0x100_0000_01B3
    private static let eighthPowerOfPrime: UInt64 = {
        let fourth = prime &* prime &* prime &* prime
        return fourth &* fourth
    }()

    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func combine(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* Self.prime
    }

    mutating func combine(bigEndian word: UInt32) {
        for shift: UInt32 in [24, 16, 8, 0] { combine(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    /// A byte of zero does nothing but multiply.
    mutating func combineEightZeros() { state = state &* Self.eighthPowerOfPrime }

    /// The finaliser of MurmurHash3: FNV alone leaves neighbouring indices close together.
    var spread: UInt64 {
        var word = state
        word = (word ^ word >> 33) &* 0xFF51_AFD7_ED55_8CCD
        word = (word ^ word >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return word ^ word >> 33
    }
}
