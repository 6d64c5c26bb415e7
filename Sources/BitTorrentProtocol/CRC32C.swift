/// The checksum of RFC 3720, appendix B.4.
func crc32c(_ bytes: [UInt8]) -> UInt32 {
    var remainder = UInt32.max
    for byte in bytes {
        remainder ^= UInt32(byte)
        for _ in 0..<8 {
            remainder = remainder & 1 == 0 ? remainder >> 1 : remainder >> 1 ^ 0x82f6_3b78
        }
    }
    return ~remainder
}
