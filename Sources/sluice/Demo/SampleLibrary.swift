import BitTorrentProtocol
import Cryptography

/// The files of the demo torrent, made of arithmetic alone.
///
/// They are the same bytes on every machine and in every version, so that the torrent keeps its
/// info-hash, and with it handles and cached pieces outlive a restart.
struct SampleLibrary {
    struct File {
        let path: [String]
        let bytes: [UInt8]
    }

    static let name = "Sluice sample library"
    static let pieceLength = 64 * 1024
    /// 2025-01-01, in seconds since 1970.
    private static let creationDate: Int64 = 1_735_689_600

    /// In torrent order.
    let files: [File]

    init() {
        var files = [
            File(path: ["README.txt"], bytes: Array(Self.readme.utf8)),
            File(
                path: ["music", "Concert pitch.wav"],
                bytes: Tone.wave(of: [Tone.a4], seconds: 8)
            ),
            File(path: ["music", "Scale in C.wav"], bytes: Tone.wave(of: Tone.scale, seconds: 1)),
            File(path: ["data", "1 MiB.bin"], bytes: Self.pattern(seed: 1, byteCount: 1 << 20)),
            File(path: ["data", "3 MiB.bin"], bytes: Self.pattern(seed: 2, byteCount: 3 << 20)),
        ]
        files.append(File(path: ["SHA256SUMS"], bytes: Self.sums(files)))
        self.files = files
    }

    /// The content as the torrent counts it: all files, one behind the other.
    var bytes: [UInt8] { files.flatMap(\.bytes) }

    /// The `.torrent` file.
    ///
    /// It names no tracker: the session is told where the seed is.
    var metainfoBytes: [UInt8] {
        let content = bytes
        let hashes = stride(from: 0, to: content.count, by: Self.pieceLength).flatMap { start in
            SHA1.hash(content[start..<min(start + Self.pieceLength, content.count)])
        }
        return MetainfoBuilder(
            name: Self.name,
            files: files.map {
                MetainfoBuilder.File(path: $0.path, length: UInt64($0.bytes.count))
            },
            pieceLength: UInt32(Self.pieceLength),
            pieceHashes: hashes,
            creationDate: Self.creationDate,
            isPrivate: true
        ).metainfoBytes
    }

    private static let readme = """
        These files came to you through BitTorrent.

        Sluice made them when it started and gave them to a seed of its own, which listens
        on the loopback interface. When you opened this text, the piece that holds it was
        asked of that seed, checked against the torrent's hash, kept in the cache and
        handed on to you over NFS. Pieces of files that nobody opens are never fetched.

        To check every byte of it:

            sha256sum -c SHA256SUMS

        To be rid of this library, delete the line of the route "demo" in config.yaml.

        """

    /// Lines as sha256sum(1) writes and checks them.
    private static func sums(_ files: [File]) -> [UInt8] {
        files.flatMap { file in
            let digest = SHA256.hash(file.bytes).map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
            return Array("\(digest.joined())  \(file.path.joined(separator: "/"))\n".utf8)
        }
    }

    /// The high bytes of a linear congruential generator: nothing in it repeats, so a block at the
    /// wrong place never passes for the right one.
    private static func pattern(seed: UInt64, byteCount: Int) -> [UInt8] {
        var state = seed
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            for index in 0..<byteCount {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                buffer[index] = UInt8(truncatingIfNeeded: state >> 56)
            }
            count = byteCount
        }
    }
}
