import BitTorrentProtocol
import Cryptography
import NIOCore

/// Content made from a seed, and its metainfo.
struct Sample: Sendable {
    let content: [UInt8]
    let metainfo: Metainfo

    init(
        byteCount: Int,
        pieceLength: Int,
        seed: UInt64 = 1,
        trackers: [[String]] = [],
        isPrivate: Bool = false
    ) throws {
        var state = seed
        content = (0..<(byteCount + 7) / 8).flatMap { _ in
            // SplitMix64
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            word ^= word >> 31
            return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }.dropLast((8 - byteCount % 8) % 8)
        var hashes: [UInt8] = []
        for start in stride(from: 0, to: byteCount, by: pieceLength) {
            hashes += SHA1.hash(content[start..<min(start + pieceLength, byteCount)])
        }
        let builder = MetainfoBuilder(
            name: "sample",
            files: [.init(path: [], length: UInt64(byteCount))],
            pieceLength: UInt32(pieceLength),
            pieceHashes: hashes,
            trackerTiers: trackers,
            isPrivate: isPrivate
        )
        metainfo = try Metainfo(parsing: builder.metainfoBytes)
    }

    var infoHash: InfoHash { metainfo.infoHash }
    var range: Range<UInt64> { 0..<UInt64(content.count) }

    func bytes(_ range: Range<UInt64>) -> ByteBuffer {
        ByteBuffer(bytes: content[Int(range.lowerBound)..<Int(range.upperBound)])
    }
}
