import Bencode
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
        name: String = "sample",
        trackers: [[String]] = [],
        isPrivate: Bool = false,
        version: TorrentInfo.Version = .version1,
        fileCount: Int = 1
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
        guard version == .version1 else {
            let info = Self.version2Info(content, name, pieceLength, hashes, version)
            metainfo = try Metainfo(parsing: info)
            return
        }
        let builder = MetainfoBuilder(
            name: name,
            files: (0..<fileCount).map { number in
                .init(
                    path: fileCount == 1 ? [] : ["\(number)"],
                    length: UInt64(byteCount / fileCount)
                )
            },
            pieceLength: UInt32(pieceLength),
            pieceHashes: hashes,
            trackerTiers: trackers,
            isPrivate: isPrivate
        )
        metainfo = try Metainfo(parsing: builder.metainfoBytes)
    }

    /// One file (BEP 52).
    private static func version2Info(
        _ content: [UInt8],
        _ name: String,
        _ pieceLength: Int,
        _ hashes: [UInt8],
        _ version: TorrentInfo.Version
    ) -> [UInt8] {
        let shape = HashTreeShape(
            length: UInt64(content.count),
            pieceLength: UInt32(pieceLength)
        )
        let leaves = content.withUnsafeBytes { MerkleTree.leaves(of: $0) }
        let layer = shape.pieceHashes(ofLeaves: leaves)
        let root = shape.root(ofPieceHashes: layer)
        let file: BencodeItem = [
            "length": .integer(Int64(content.count)), "pieces root": .string(root.bytes),
        ]
        var info: BencodeItem = [
            "name": .text(name), "piece length": .integer(Int64(pieceLength)), "meta version": 2,
            "file tree": .dictionary([Array(name.utf8): ["": file]]),
        ]
        if version == .hybrid {
            info.set("length", to: .integer(Int64(content.count)))
            info.set("pieces", to: .string(hashes))
        }
        return BencodeEncoder.encode([
            "info": info,
            "piece layers": .dictionary(
                shape.hasPieceLayer ? [root.bytes: .string(layer.joinedBytes)] : [:]
            ),
        ])
    }

    var infoHash: InfoHash { metainfo.infoHash }
    var range: Range<UInt64> { 0..<UInt64(content.count) }

    func bytes(_ range: Range<UInt64>) -> ByteBuffer {
        ByteBuffer(bytes: content[Int(range.lowerBound)..<Int(range.upperBound)])
    }
}
