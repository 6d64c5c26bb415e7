import BitTorrentProtocol
import NIOCore
import TorrentEngine
import VirtualTree

/// A torrent's metainfo without its bytes, made from a list of paths.
func torrentInfo(
    name: String,
    files: [(path: [String], length: UInt64)],
    attributes: [TorrentInfo.Attributes] = []
) -> TorrentInfo {
    var offset: UInt64 = 0
    var made: [TorrentInfo.File] = []
    for (number, file) in files.enumerated() {
        made.append(
            TorrentInfo.File(
                path: file.path.map { Array($0.utf8) },
                length: file.length,
                offset: offset,
                attributes: number < attributes.count ? attributes[number] : []
            )
        )
        offset += file.length
    }
    return TorrentInfo(
        name: Array(name.utf8),
        isSingleFile: false,
        files: made,
        geometry: PieceGeometry(pieceLength: 16384, totalLength: max(1, offset)),
        pieceHashes: [],
        isPrivate: false
    )
}

func singleFileInfo(name: String, length: UInt64) -> TorrentInfo {
    TorrentInfo(
        name: Array(name.utf8),
        isSingleFile: true,
        files: [TorrentInfo.File(path: [], length: length, offset: 0, attributes: [])],
        geometry: PieceGeometry(pieceLength: 16384, totalLength: length),
        pieceHashes: [],
        isPrivate: false
    )
}

func infoHash(_ number: UInt8) -> InfoHash {
    guard let hash = InfoHash(bytes: [UInt8](repeating: number, count: 20)) else {
        preconditionFailure("Twenty bytes make an info-hash.")
    }
    return hash
}

/// Answers with the range that it was asked for, so that a test sees where a read went.
final class FakeContent: TorrentContent {
    let infoHash: InfoHash
    let info: TorrentInfo

    init(_ number: UInt8, _ info: TorrentInfo) {
        infoHash = VirtualTreeTests.infoHash(number)
        self.info = info
    }

    func loadInfo() throws -> TorrentInfo { info }

    func verifiedPrefix(of range: Range<UInt64>) -> UInt64 { range.lowerBound }

    func readIfCached(
        _ range: Range<UInt64>,
        into buffer: inout ByteBuffer
    ) throws(TorrentReadError) -> Bool {
        buffer.writeString("\(range.lowerBound)-\(range.upperBound)")
        return true
    }

    func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(TorrentReadError) -> EventLoopFuture<ByteBuffer> {
        throw .notVerified
    }

    func hold(_ range: Range<UInt64>) -> PieceHold? { nil }

    func noteRead(_ range: Range<UInt64>, of file: UInt32, by client: UInt64) {}

    func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (Availability) -> Void
    ) -> WaitToken {
        notify(.verified(range.upperBound))
        return WaitToken(rawValue: range.lowerBound)
    }

    func endWait(_ token: WaitToken) {}
    func explainWait(
        for range: Range<UInt64>,
        _ tell: @escaping @Sendable (WaitReason) -> Void
    ) { tell(.noPeers) }
    func noteLeft(by client: UInt64) {}
}

/// An entry with a copy of its name.
struct NamedEntry {
    let name: [UInt8]
    let cookie: UInt64
    let id: FileID
    let attributes: FileAttributes
}

extension VirtualDirectory {
    /// Up to `limit` entries whose cookies are greater than `cookie`, in cookie order.
    func entries(after cookie: UInt64, limit: Int) -> [NamedEntry] {
        var entries: [NamedEntry] = []
        _ = forEachEntry(after: cookie) { name, entry in
            guard entries.count < limit else { return false }
            entries.append(
                NamedEntry(
                    name: [UInt8](name),
                    cookie: entry.cookie,
                    id: entry.id,
                    attributes: entry.attributes
                )
            )
            return true
        }
        return entries
    }

    var listing: [String] {
        entries(after: 0, limit: .max).map { String(decoding: $0.name, as: UTF8.self) }
    }

    func directory(_ name: String) -> (any VirtualDirectory)? {
        guard case .directory(let found)? = entry(named: Array(name.utf8)) else { return nil }
        return found
    }

    func file(_ name: String) -> (any VirtualFile)? {
        guard case .file(let found)? = entry(named: Array(name.utf8)) else { return nil }
        return found
    }
}
