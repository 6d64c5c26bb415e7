import BitTorrentProtocol
import Logging
import StateStore
import TorrentEngine
import VirtualTree

/// Keeps the library as the routes of the configuration and the files on disk say.
///
/// Looks at the files again whenever it is told to. What has not changed costs a look at its folder;
/// what is new is read a batch at a time and shown batch by batch, so that ten thousand new files
/// keep nobody waiting. A file that cannot be read or is no torrent is named in the log once, and
/// the rest goes on.
actor RouteLoader {
    private struct ShownRoute: Equatable {
        let name: [UInt8]
        var torrents: [InfoHash] = []
        /// Magnet links whose metadata has not come.
        var pending: [InfoHash] = []
        /// Torrents that are versions of folders.
        var versions: Set<InfoHash> = []
    }

    /// New files that are read before the first call is answered; the others follow.
    private static let firstBatch = 256
    private static let largestBatch = 2048

    private let session: Session
    private let library: Library
    private let store: StateStore
    private let folders: ServedFolders
    private let demo: DemoSeed
    private let logger: Logger

    private var routes: [Configuration.Route] = []
    private var torrentFolders: [String: TorrentFolder] = [:]
    private var files: TorrentFiles?
    private var magnets: [String: MagnetLink] = [:]
    /// What is wrong and was logged, by path or link.
    private var faults: [String: String] = [:]
    /// A source of torrents cannot be read, or not all are read yet.
    private var hasFault = false
    private var shown: [ShownRoute]?
    /// Folders that could not be listed.
    private var unreadable: Set<String> = []
    private var isLooking = false
    private var mustLookAgain = false
    /// The routes are others than at the last look, or could not be taken up then.
    private var isReloaded = false
    /// Something else may have to be shown.
    private var isChanged = true
    /// What stands at pinned paths; `nil` to look again.
    private var pinned: [PinnedPaths.Found]?

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
    ///
    /// Of many new files only the first ones are shown when it returns; the next look goes on.
    func load(_ routes: [Configuration.Route]) async {
        self.routes = routes
        isReloaded = true
        pinned = nil
        await folders.retain(only: Set(routes.flatMap(\.servedFolders).map(\.path)))
        await look(readingAll: false)
    }

    /// Brings the library up to date.
    ///
    /// Returns at once if that is under way; it is then done again.
    func look() async { await look(readingAll: true) }

    private func look(readingAll: Bool) async {
        mustLookAgain = true
        guard !isLooking else { return }
        isLooking = true
        defer { isLooking = false }
        while mustLookAgain {
            mustLookAgain = false
            await lookOnce()
            if readingAll { await readRest() }
        }
    }

    private func lookOnce() async {
        if files == nil { loadFiles() }
        let mustTakeUp = isReloaded
        isReloaded = false
        if mustTakeUp { await takeUpMagnets() }
        if lookAtFolders() || mustTakeUp { updatePaths() }
        files?.check()
        await readBatch(limit: Self.firstBatch)
        await showWhatIsThere()
    }

    /// Reads the files that were not read at once, and shows them as they come.
    private func readRest() async {
        var limit = Self.firstBatch
        while let due = files?.dueCount, due > 0, !Task.isCancelled {
            logger.info("reading torrent files", metadata: ["left": "\(due)"])
            limit = min(limit * 2, Self.largestBatch)
            await readBatch(limit: limit)
            await showWhatIsThere()
        }
    }

    // MARK: Files

    private func loadFiles() {
        do {
            files = TorrentFiles(stored: try store.torrentFiles())
        } catch {
            logger.error("all torrent files are read again: \(error)")
            files = TorrentFiles()
        }
    }

    /// - Returns: true if files have come or gone.
    private func lookAtFolders() -> Bool {
        var isChanged = false
        var wanted: Set<String> = []
        for case .folder(let path) in routes.flatMap(\.torrents).map(\.source) {
            guard wanted.insert(path).inserted else { continue }
            var folder = torrentFolders[path] ?? TorrentFolder(path: path)
            do throws(TorrentFolder.Unreadable) {
                if try folder.look() { isChanged = true }
                faults[path] = nil
                unreadable.remove(path)
            } catch {
                isChanged = isChanged || !folder.files.isEmpty
                folder = TorrentFolder(path: path)
                unreadable.insert(path)
                report(error.path, "cannot be listed: \(error.reason)")
            }
            torrentFolders[path] = folder
        }
        torrentFolders = torrentFolders.filter { wanted.contains($0.key) }
        unreadable.formIntersection(wanted)
        return isChanged
    }

    private func paths(of source: Configuration.Source) -> [String] {
        switch source {
        case .file(let path): [path]
        case .folder(let path): torrentFolders[path]?.files ?? []
        case .magnet, .served: []
        }
    }

    private func updatePaths() {
        isChanged = true
        let paths = routes.flatMap(\.torrents).flatMap { self.paths(of: $0.source) }
        let gone = files?.setPaths(paths) { session.torrent($0) != nil } ?? []
        for path in gone { faults[path] = nil }
        do {
            try store.record(torrentFiles: [], forgetting: gone)
        } catch {
            logger.error("deleted torrent files are not forgotten: \(error)")
        }
    }

    /// Reads new and changed files and makes their torrents known.
    private func readBatch(limit: Int) async {
        guard let batch = files?.read(limit: limit), !batch.isEmpty else { return }
        isChanged = true
        for (path, fault) in batch.faults { report(path, fault) }
        do {
            try await session.add(batch.metainfos, addedTime: Int64(Timestamp.now.seconds))
            let read = files?.took(batch) ?? []
            for file in read where file.infoHash != nil { faults[file.path] = nil }
            try store.record(torrentFiles: read)
        } catch {
            // They are due again at a later look.
            logger.error("torrents cannot be taken up: \(error)")
        }
    }

    // MARK: Magnet links and the demo

    private func takeUpMagnets() async {
        var links: [MagnetLink] = []
        magnets = [:]
        for case .magnet(let link) in routes.flatMap(\.torrents).map(\.source) {
            do throws(MagnetError) {
                let magnet = try MagnetLink(link)
                magnets[link] = magnet
                links.append(magnet)
            } catch {
                report(String(link.prefix(80)), "\(error)")
            }
        }
        do {
            try await session.add(links, addedTime: Int64(Timestamp.now.seconds))
            faults["magnets"] = nil
        } catch {
            report("magnets", "\(error)")
            isReloaded = true
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

    // MARK: Showing

    /// Brings the library in line with what the session has by now.
    private func showWhatIsThere() async {
        let awaitsMetadata = shown?.contains { !$0.pending.isEmpty } ?? true
        let isAsked = routes.contains { $0.isDemo || !$0.servedFolders.isEmpty }
        guard isChanged || awaitsMetadata || isAsked else { return }
        hasFault = !unreadable.isEmpty || isReloaded || (files?.dueCount ?? 0) > 0
        var wanted: [ShownRoute] = []
        var wishes = WishedTorrents()
        for route in routes { wanted.append(await torrents(of: route, &wishes)) }
        isChanged = false
        if wanted != shown {
            show(wanted)
            let kept = Set(wanted.flatMap { $0.torrents + $0.pending })
            await forget(folders.takeSuperseded(), but: kept)
            // A disk that is not mounted must not cost the cache of all its torrents.
            if !hasFault {
                await forget(session.torrents.map(\.infoHash) + session.pendingMagnets, but: kept)
            }
        }
        addPinnedPaths(to: &wishes)
        session.setWishes(
            wishes.wishes,
            selections: wishes.selections,
            groups: wishes.groups
        )
    }

    /// After everything is shown, by the names under which it is.
    private func addPinnedPaths(to wishes: inout WishedTorrents) {
        do {
            let found = try pinned ?? PinnedPaths(store: store).look(in: routes)
            pinned = found
            for (route, path, parts) in found {
                let place = "\(route)/\(path)"
                for part in parts ?? [] {
                    wishes.add(.pin, of: part.infoHash, selecting: part.files)
                }
                if parts != nil {
                    faults[place] = nil
                } else if !hasFault, shown?.allSatisfy(\.pending.isEmpty) ?? false {
                    report(place, "is pinned, but nothing stands there; correct “pin”")
                }
            }
        } catch {
            report("pin", "what is pinned cannot be looked up: \(error)")
        }
    }

    private func torrents(
        of route: Configuration.Route,
        _ wishes: inout WishedTorrents
    ) async -> ShownRoute {
        var shown = ShownRoute(name: Array(route.name.utf8))
        defer { wishes.show(shown.torrents, in: route) }
        if route.isDemo { shown.torrents += await demoTorrent().map { [$0] } ?? [] }
        for entry in route.torrents {
            var found: [InfoHash?] = paths(of: entry.source).map { files?.infoHash(of: $0) }
            var selection: [ClosedRange<Int>]?
            if case .magnet(let link) = entry.source {
                found.append(magnets[link]?.primaryHash)
                selection = magnets[link]?.selectedFiles
            }
            if case .served(let folder) = entry.source,
                // `nil` while it is hashed for the first time.
                let infoHash = await folders.torrent(of: folder)
            {
                found.append(infoHash)
                shown.versions.insert(infoHash)
            }
            let wished = entry.wishes.union(route.wishes)
            for infoHash in found {
                guard let infoHash else {
                    hasFault = true
                    continue
                }
                // A link may have another name for it.
                let torrent = session.torrent(infoHash)
                if let torrent {
                    shown.torrents.append(torrent.infoHash)
                } else {
                    shown.pending.append(infoHash)
                }
                wishes.add(wished, of: torrent?.infoHash ?? infoHash, selecting: selection)
            }
        }
        return shown
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
            pinned = nil
            logger.info(
                "the share changed",
                metadata: [
                    "routes": "\(routes.count)",
                    "torrents": "\(routes.reduce(0) { $0 + $1.members.count })",
                    "files": "\(library.usage.fileCount)",
                ]
            )
        } catch {
            isChanged = true
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
