import Cryptography
import Testing

@Suite struct SipHash24Tests {
    let key = (0..<16).map { UInt8($0) }

    /// Appendix A of the SipHash paper, and the first reference vectors: the key is 00…0f, the
    /// message 00, 01, 02… of the length given.
    @Test(
        arguments: [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (2, 0x0d6c_8009_d9a9_4f5a),
            (3, 0x8567_6696_d7fb_7e2d),
            (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
            (63, 0x958a_324c_eb06_4572),
        ] as [(Int, UInt64)]
    )
    func matchesTheReference(byteCount: Int, expected: UInt64) throws {
        let hash = try #require(SipHash24(key: key))
        #expect(hash.hash((0..<byteCount).map { UInt8($0) }) == expected)
    }

    @Test func readsFromAnyAlignment() throws {
        let hash = try #require(SipHash24(key: key))
        let message = (0..<15).map { UInt8($0) }
        ([0] + message).withUnsafeBytes { bytes in
            #expect(
                hash.hash(UnsafeRawBufferPointer(rebasing: bytes[1...])) == 0xa129_ca61_49be_45e5
            )
        }
    }

    @Test func dependsOnTheKey() throws {
        let other = try #require(SipHash24(key: [UInt8](repeating: 1, count: 16)))
        #expect(other.hash([]) != 0x726f_db47_dd0e_0e31)
        #expect(SipHash24(key: [1, 2, 3]) == nil)
    }

    @Test func aMessageMayBeHashedInTwoParts() throws {
        let hash = try #require(SipHash24(key: key))
        let message = (0..<63).map { UInt8($0) }
        for length in 0...63 {
            for split in stride(from: 0, through: length, by: 8) {
                let whole = hash.hash(Array(message[..<length]))
                message.withUnsafeBytes { bytes in
                    let first = UnsafeRawBufferPointer(rebasing: bytes[..<split])
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[split..<length])
                    #expect(hash.beginning(first).hash(followedBy: rest) == whole)
                }
            }
        }
    }
}
