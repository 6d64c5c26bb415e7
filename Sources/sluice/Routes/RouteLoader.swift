import BitTorrentProtocol
import Logging
import PieceStorage
import StateStore
import TorrentEngine
import VirtualTree

/// Keeps the library as the routes of the configuration and the files on disk say.
///
/// Looks at the files again whenever it is told to; a file that has not changed costs one stat. A
/// file that cannot be read or is no torrent is named in the log once, and the rest goes on.
actor RouteLoader {
    private struct KnownFile {
        let stamp: FileStamp
        /// `nil` for a file that is no torrent.
        let infoHash: InfoHash?
    }

    private struct ShownRoute: Equatable {
        let name: [UInt8]
        var torrents: [InfoHash] = []
        /// Magnet links whose metadata has not come.
        var pending: [InfoHash] = []
        /// Torrents that are versions of folders.
        var versions: Set<InfoHash> = []
    }

    private let session: Session
    private let library: Library
    private let store: StateStore
    private let folders: ServedFolders
    private let demo: DemoSeed
    private let logger: Logger

    private var routes: [Configuration.Route] = []
    private var files: [String: KnownFile] = [:]
    /// What is wrong and was logged, by path or link.
    private var faults: [String: String] = [:]
    private var shown: [ShownRoute]?
    private var isLooking = false
    private var mustLookAgain = false

    init(
        session: Session,
        library: Library,
        store: StateStore,
        folders: ServedFolders,
        demo: DemoSeed,
        logger: Logger
    ) {
        self.session = session
        self.library = library
        self.store = store
        self.folders = folders
        self.demo = demo
        self.logger = logger
    }

    /// Shows these routes from now on.
    func load(_ routes: [Configuration.Route]) async {
        self.routes = routes
        await folders.retain(only: Set(routes.flatMap(\.servedFolders).map(\.path)))
        await look()
    }

    /// Brings the library up to date.
    ///
    /// Returns at once if that is under way; it is then done again.
    func look() async {
        mustLookAgain = true
        guard !isLooking else { return }
        isLooking = true
        defer { isLooking = false }
        while mustLookAgain {
            mustLookAgain = false
            await lookOnce()
        }
    }

    private func lookOnce() async {
        var wanted: [ShownRoute] = []
        var before = files
        var hasFault = false
        for route in routes {
            var shown = ShownRoute(name: Array(route.name.utf8))
            if route.isDemo {
                let infoHash = await demoTorrent()
                shown.torrents += infoHash.map { [$0] } ?? []
            }
            for path in paths(of: route, &hasFault) {
                let infoHash = await torrent(at: path)
                before[path] = nil
                shown.torrents += infoHash.map { [$0] } ?? []
                hasFault = hasFault || infoHash == nil
            }
            for case .magnet(let link) in route.torrents {
                guard let infoHash = await torrent(of: link) else {
                    hasFault = true
                    continue
                }
                if session.torrent(infoHash) == nil {
                    shown.pending.append(infoHash)
                } else {
                    shown.torrents.append(infoHash)
                }
            }
            for folder in route.servedFolders {
                // `nil` while it is hashed for the first time.
                if let infoHash = await folders.torrent(of: folder) {
                    shown.torrents.append(infoHash)
                    shown.versions.insert(infoHash)
                }
            }
            wanted.append(shown)
        }
        for path in before.keys {
            files[path] = nil
            faults[path] = nil
        }
        guard wanted != shown else { return }
        show(wanted)
        let kept = Set(wanted.flatMap { $0.torrents + $0.pending })
        await forget(folders.takeSuperseded(), but: kept)
        // A disk that is not mounted must not cost the cache of all its torrents.
        guard !hasFault else { return }
        await forget(session.torrents.map(\.infoHash) + session.pendingMagnets, but: kept)
    }

    private func paths(of route: Configuration.Route, _ hasFault: inout Bool) -> [String] {
        var paths: [String] = []
        for source in route.torrents {
            switch source {
            case .file(let path): paths.append(path)
            case .folder(let path):
                do {
                    paths += try TorrentFolder.files(below: path)
                    faults[path] = nil
                } catch {
                    hasFault = true
                    report(error.path, "cannot be listed: \(error.reason)")
                }
            case .magnet, .served: break
            }
        }
        return paths
    }

    /// The torrent that a file describes, taken up by the session.
    private func torrent(at path: String) async -> InfoHash? {
        guard let stamp = FileStamp(path: path) else {
            report(path, "there is no such file")
            return nil
        }
        if let known = files[path], known.stamp == stamp { return known.infoHash }
        files[path] = nil
        do {
            let limits = MetainfoLimits()
            let bytes = try contents(of: path, limit: limits.byteCount)
            let metainfo: Metainfo
            do throws(MetainfoError) {
                metainfo = try Metainfo(parsing: bytes, limits: limits)
            } catch {
                files[path] = KnownFile(stamp: stamp, infoHash: nil)
                report(path, "\(error)")
                return nil
            }
            _ = try await session.add(metainfo, addedTime: Int64(Timestamp.now.seconds))
            files[path] = KnownFile(stamp: stamp, infoHash: metainfo.infoHash)
            faults[path] = nil
            return metainfo.infoHash
        } catch let error as UnreadableFile {
            report(path, error.reason)
        } catch {
            report(path, "cannot be taken up: \(error)")
        }
        return nil
    }

    /// The torrent of a magnet link, which the session has taken up: at once or when its metadata
    /// has come.
    private func torrent(of link: String) async -> InfoHash? {
        let place = String(link.prefix(80))
        do {
            let magnet = try MagnetLink(link)
            let torrent = try await session.add(magnet, addedTime: Int64(Timestamp.now.seconds))
            faults[place] = nil
            return torrent?.infoHash ?? magnet.primaryHash
        } catch {
            report(place, "\(error)")
            return nil
        }
    }

    private func demoTorrent() async -> InfoHash? {
        do {
            let infoHash = try await demo.start(for: session)
            faults["demo"] = nil
            return infoHash
        } catch {
            report("demo", "the sample library cannot be made: \(error)")
            return nil
        }
    }

    private func show(_ wanted: [ShownRoute]) {
        let routes = wanted.map { route in
            Library.Route(
                name: route.name,
                members: route.torrents.compactMap { session.torrent($0) }.map {
                    Library.Member(
                        content: $0,
                        creationDate: $0.creationDate,
                        isVersion: route.versions.contains($0.infoHash)
                    )
                }
            )
        }
        do {
            try library.show(routes, now: .now) { [store] changes in
                try store.record(routes: changes.routes, entries: changes.entries)
            }
            shown = wanted
            logger.info(
                "the share changed",
                metadata: [
                    "routes": "\(routes.count)",
                    "torrents": "\(routes.reduce(0) { $0 + $1.members.count })",
                    "files": "\(library.usage.fileCount)",
                ]
            )
        } catch {
            logger.error("the share stays as it was: \(error)")
        }
    }

    private func forget(_ infoHashes: [InfoHash], but kept: Set<InfoHash>) async {
        for infoHash in infoHashes where !kept.contains(infoHash) {
            do {
                try await session.remove(infoHash)
                logger.info(
                    "forgot a torrent that no route has",
                    metadata: ["torrent": "\(infoHash)"]
                )
            } catch {
                logger.error(
                    "a torrent cannot be forgotten: \(error)",
                    metadata: ["torrent": "\(infoHash)"]
                )
            }
        }
    }

    private func report(_ place: String, _ fault: String) {
        guard faults.updateValue(fault, forKey: place) != fault else { return }
        logger.warning("\(place): \(fault)")
    }
}
