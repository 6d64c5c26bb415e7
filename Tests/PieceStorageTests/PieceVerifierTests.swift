import BitTorrentProtocol
import Cryptography
import NIOCore
import NIOPosix
import PieceStorage
import Testing

@Suite struct PieceVerifierTests {
    /// SHA-1 of "abc" (FIPS 180-4, appendix).
    let sha1: ArraySlice<UInt8> = [
        0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50, 0xc2,
        0x6c, 0x9c, 0xd0, 0xd8, 0x9d,
    ]

    @Test func hashesTheBlocksInOrder() {
        let hash = PieceHash(sha1: sha1)
        let blocks = [ByteBuffer(string: "a"), ByteBuffer(string: "bc")]
        #expect(PieceVerifier.matches(blocks, hash))
        #expect(!PieceVerifier.matches(blocks.reversed(), hash))
        #expect(!PieceVerifier.matches([], hash))
    }

    @Test func wantsEveryHashOfAHybrid() {
        let root = SHA256Digest(hashing: SHA256Digest(hashing: "abc".utf8), .zero)
        let other = SHA256Digest(hashing: "abd".utf8)
        let blocks = [ByteBuffer(string: "abc")]
        func verdict(_ sha1: ArraySlice<UInt8>?, _ root: SHA256Digest) -> PieceVerifier.Verdict {
            PieceVerifier.verdict(
                on: blocks,
                PieceHash(sha1: sha1, merkleRoot: root, leafCount: 2)
            )
        }
        #expect(verdict(sha1, root) == .right)
        #expect(verdict(nil, root) == .right)
        #expect(verdict(nil, other) == .wrong)
        #expect(verdict(sha1.reversed()[...], other) == .wrong)
        #expect(verdict(sha1, other) == .contradictory)
    }

    @Test func countsThePaddingOfVersion1() {
        let padded = [ByteBuffer(string: "a" + String(repeating: "\0", count: 70_000))]
        let sha1 = PieceVerifier.blockDigests(padded)[0]
        let whole = SHA1.hash("a".utf8.map { $0 } + [UInt8](repeating: 0, count: 70_000))
        #expect(whole.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } == sha1)
        let hash = PieceHash(sha1: whole[...], paddingByteCount: 70_000)
        #expect(PieceVerifier.matches([ByteBuffer(string: "a")], hash))
    }

    @Test func digestsNameTheBlockThatDiffers() {
        let good = PieceVerifier.blockDigests([ByteBuffer(string: "abc"), ByteBuffer(string: "x")])
        let bad = PieceVerifier.blockDigests([ByteBuffer(string: "abc"), ByteBuffer(string: "y")])
        #expect(good[0] == 0xa999_3e36_4706_816a)
        #expect(good[0] == bad[0])
        #expect(good[1] != bad[1])
    }

    @Test func poolRunsJobsAndRefusesThemAfterItsEnd() async throws {
        let pool = DiskPool(size: 2)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        #expect(try await pool.run(on: loop) { 6 * 7 }.get() == 42)
        try await pool.shutdown()
        await #expect(throws: (any Error).self) { try await pool.run(on: loop) { 1 }.get() }
    }
}
