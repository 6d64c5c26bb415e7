import BitTorrentProtocol
import PieceStorage
import StateStore
import TorrentEngine

/// Which torrent each `.torrent` file of the configuration is, kept over restarts: a file that has not
/// changed is not read again.
///
/// What is new is read a batch at a time. Every look checks a part of the known files, so that many
/// of them cost little; a file that was changed in place is noticed after a few looks.
struct TorrentFiles {
    fileprivate struct Known {
        let stamp: FileStamp
        /// `nil` for a file that is no torrent.
        let infoHash: InfoHash?
    }

    /// What reading a batch brought.
    struct Batch {
        var metainfos: [Metainfo] = []
        fileprivate var read: [(path: String, known: Known)] = []
        /// What is wrong with a file.
        var faults: [(path: String, fault: String)] = []

        var isEmpty: Bool { read.isEmpty && faults.isEmpty }
    }

    /// Known files checked at a look.
    private static let checkedCount = 1000

    private var known: [String: Known] = [:]
    /// All files of the configuration, in its order.
    private var paths: [String] = []
    private var nextChecked = 0
    /// What has to be read, the next one at the end.
    private var due: [String] = []

    init() {}

    /// - Parameter stored: what an earlier run has read.
    init(stored: [StateStore.TorrentFileRecord]) {
        for record in stored {
            guard let stamp = FileStamp(bytes: record.stamp) else { continue }
            known[record.path] = Known(stamp: stamp, infoHash: record.infoHash)
        }
    }

    /// Files that are not read yet.
    var dueCount: Int { due.count }

    /// The torrent that a file was when it was read last.
    func infoHash(of path: String) -> InfoHash? { known[path]?.infoHash }

    /// Takes the files of the configuration as they are now.
    ///
    /// - Parameter isThere: whether the session has the torrent.
    /// - Returns: files that are not wanted any more.
    mutating func setPaths(
        _ paths: [String],
        isThere: (InfoHash) -> Bool
    ) -> [String] {
        self.paths = paths
        nextChecked = 0
        let wanted = Set(paths)
        let gone = known.keys.filter { !wanted.contains($0) }
        for path in gone { known[path] = nil }
        due = paths.reversed().filter { path in
            guard let known = known[path], known.stamp == FileStamp(path: path) else { return true }
            // What was no torrent is said once a run.
            return known.infoHash.map { !isThere($0) } ?? true
        }
        return gone
    }

    /// Checks a part of the files; the changed ones become due, and those that are gone a fault.
    mutating func check() {
        guard due.isEmpty, !paths.isEmpty else { return }
        for _ in 0..<min(Self.checkedCount, paths.count) {
            if nextChecked >= paths.count { nextChecked = 0 }
            let path = paths[nextChecked]
            nextChecked += 1
            if known[path] == nil || known[path]?.stamp != FileStamp(path: path) {
                due.append(path)
            }
        }
    }

    /// Reads up to `limit` of the due files.
    mutating func read(limit: Int) -> Batch {
        var batch = Batch()
        let limits = MetainfoLimits()
        for _ in 0..<min(limit, due.count) {
            let path = due.removeLast()
            // Before the file is read: a change meanwhile is seen at the next look.
            guard let stamp = FileStamp(path: path) else {
                known[path] = nil
                batch.faults.append((path, "there is no such file"))
                continue
            }
            do {
                let bytes = try contents(of: path, limit: limits.byteCount)
                let metainfo = try Metainfo(parsing: bytes, limits: limits)
                batch.metainfos.append(metainfo)
                batch.read.append((path, Known(stamp: stamp, infoHash: metainfo.infoHash)))
            } catch let error as UnreadableFile {
                known[path] = nil
                batch.faults.append((path, error.reason))
            } catch {
                batch.read.append((path, Known(stamp: stamp, infoHash: nil)))
                batch.faults.append((path, "\(error)"))
            }
        }
        return batch
    }

    /// The torrents of the batch are registered.
    ///
    /// - Returns: what is to be stored.
    mutating func took(_ batch: Batch) -> [StateStore.TorrentFileRecord] {
        batch.read.map { path, read in
            known[path] = read
            return StateStore.TorrentFileRecord(
                path: path,
                stamp: read.stamp.bytes,
                infoHash: read.infoHash
            )
        }
    }
}
