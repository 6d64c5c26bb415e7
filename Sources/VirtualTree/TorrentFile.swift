import BitTorrentProtocol
import NIOCore
import TorrentEngine

/// A file of a torrent: turns offsets in the file into offsets in the torrent.
struct TorrentFile: VirtualFile {
    let entry: RouteEntry
    /// Position in the metainfo.
    let number: UInt32
    let file: TorrentLayout.File

    var id: FileID { Self.id(number: number, in: entry) }

    var attributes: FileAttributes {
        .file(file, fileid: id.fileid, modified: entry.modified)
    }

    static func id(number: UInt32, in entry: RouteEntry) -> FileID {
        FileID(
            kind: .torrentFile,
            route: entry.route,
            infoHash: entry.content.infoHash,
            index: number
        )
    }

    func verifiedPrefix(of range: Range<UInt64>) -> UInt64 {
        range.isEmpty ? 0 : entry.content.verifiedPrefix(of: torrentRange(range))
    }

    func readIfCached(
        _ range: Range<UInt64>,
        into buffer: inout ByteBuffer
    ) throws(FileReadError) -> Bool {
        if range.isEmpty { return true }
        do throws(TorrentReadError) {
            return try entry.content.readIfCached(torrentRange(range), into: &buffer)
        } catch {
            throw FileReadError(error)
        }
    }

    func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(FileReadError) -> EventLoopFuture<ByteBuffer> {
        do throws(TorrentReadError) {
            return try entry.content.read(torrentRange(range), on: loop)
                .flatMapErrorThrowing { error in
                    throw (error as? TorrentReadError).map(FileReadError.init)
                        ?? .storage("\(error)")
                }
        } catch {
            throw FileReadError(error)
        }
    }

    func hold(_ range: Range<UInt64>) -> (any FileHold)? {
        entry.content.hold(torrentRange(range))
    }

    func noteRead(_ range: Range<UInt64>, by client: UInt64) {
        guard !range.isEmpty else { return }
        entry.content.noteRead(torrentRange(range), of: number, by: client)
    }

    func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (FileAvailability) -> Void
    ) -> FileWait {
        let token = entry.content.wait(for: torrentRange(range)) { notify(FileAvailability($0)) }
        return FileWait(rawValue: token.rawValue)
    }

    func endWait(_ wait: FileWait) {
        entry.content.endWait(WaitToken(rawValue: wait.rawValue))
    }

    func explainWait(
        for range: Range<UInt64>,
        _ tell: @escaping @Sendable (FileWaitReason) -> Void
    ) {
        entry.content.explainWait(for: torrentRange(range)) { tell(FileWaitReason($0)) }
    }

    func noteLeft(by client: UInt64) { entry.content.noteLeft(by: client) }

    /// - Precondition: `range` lies within the file.
    private func torrentRange(_ range: Range<UInt64>) -> Range<UInt64> {
        precondition(range.upperBound <= file.length)
        return file.offset + range.lowerBound..<file.offset + range.upperBound
    }
}

extension FileAttributes {
    static func file(
        _ file: TorrentLayout.File,
        fileid: UInt64,
        modified: Timestamp
    ) -> FileAttributes {
        FileAttributes(
            kind: .file,
            fileid: fileid,
            size: file.length,
            mode: file.isExecutable ? 0o555 : 0o444,
            linkCount: 1,
            modified: modified
        )
    }
}

extension PieceHold: FileHold {}

extension FileReadError {
    fileprivate init(_ error: TorrentReadError) {
        switch error {
        case .notVerified: self = .notVerified
        case .storage(let text): self = .storage(text)
        case .removed: self = .removed
        }
    }
}

extension FileWaitReason {
    fileprivate init(_ reason: WaitReason) {
        self =
            switch reason {
            case .starting: .starting
            case .verifying: .verifying
            case .noPeers: .noPeers
            case .notOffered: .notOffered
            case .choked: .choked
            case .queued: .queued
            case .arriving: .arriving
            case .ended: .ended
            }
    }
}

extension FileAvailability {
    fileprivate init(_ availability: Availability) {
        switch availability {
        case .verified(let count): self = .verified(count)
        case .removed: self = .removed
        case .failed: self = .failed
        }
    }
}
