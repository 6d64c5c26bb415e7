// Both hashes are part of what clients hold on to: of handles and of fileids. They never change,
// so they use no hasher of the standard library, whose seed differs in every process.

extension FileID {
    /// The 64-bit number by which NFS and `stat` name the object (fileid3, st_ino): from 1 to
    /// 2^63 - 1, so that clients with signed inode numbers are content, and the same for ever.
    package var fileid: UInt64 {
        withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { bytes in
            encode(into: bytes)
            var hash = FNV1a()
            for byte in bytes { hash.combine(byte) }
            return max(1, hash.spread & 0x7FFF_FFFF_FFFF_FFFF)
        }
    }

    /// What ``FileID/route`` holds for the route of this name: never 0.
    package static func routeHash(_ name: [UInt8]) -> UInt32 {
        var hash = FNV1a()
        for byte in name { hash.combine(byte) }
        return max(1, UInt32(truncatingIfNeeded: hash.spread))
    }
}

/// FNV-1a with 64 bits, and a last step that spreads every bit over the whole word.
private struct FNV1a {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func combine(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x100_0000_01B3
    }

    /// The finaliser of MurmurHash3: FNV alone leaves neighbouring indices close together.
    var spread: UInt64 {
        var word = state
        word = (word ^ word >> 33) &* 0xFF51_AFD7_ED55_8CCD
        word = (word ^ word >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return word ^ word >> 33
    }
}
