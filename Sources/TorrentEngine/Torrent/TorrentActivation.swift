import BitTorrentProtocol
import NIOCore
import PieceStorage
import StateStore
import Synchronization

/// Reads from the store and the cache what a torrent needs to work.
final class TorrentActivation: Sendable {
    /// What a `Torrent` is made of.
    struct Parts: Sendable {
        let metainfo: Metainfo
        /// The pieces that are in `storage` and may be read.
        let verified: Bitfield
        /// Pieces that are to be hashed before they are read.
        var unchecked: Bitfield?
        /// When something of it was last read, in seconds since 1970.
        var lastRead = CacheSpace.moment
        let storage: TorrentStorage
        let traffic: StateStore.Traffic

        /// All pieces that are there.
        var cached: Bitfield { unchecked.map(verified.union) ?? verified }
    }

    let resources: SessionResources
    let group: any EventLoopGroup

    init(resources: SessionResources, group: any EventLoopGroup) {
        self.resources = resources
        self.group = group
    }

    /// Waits for the disk.
    ///
    /// - Parameter folder: of which the torrent was made.
    func load(_ infoHash: InfoHash, madeOf folder: FolderContent?) throws -> Parts {
        let metainfo = try metainfo(of: infoHash, madeOf: folder)
        if let folder {
            return Parts(
                metainfo: metainfo,
                verified: Bitfield(full: metainfo.info.geometry.pieceCount),
                storage: .folder(folder.files),
                traffic: try resources.store.traffic(of: infoHash)
            )
        }
        let pieces = try recordedPieces(of: metainfo, resources)
        return Parts(
            metainfo: metainfo,
            verified: pieces.verified,
            unchecked: pieces.unchecked,
            lastRead: pieces.lastRead,
            storage: .cache(
                LazyPieceStore(
                    directory: resources.cache,
                    infoHash: infoHash,
                    pieceLength: metainfo.info.geometry.pieceLength,
                    length: metainfo.info.geometry.paddedLength,
                    layer: resources.configuration.storeLayer
                )
            ),
            traffic: try resources.store.traffic(of: infoHash)
        )
    }

    /// Waits for the disk.
    func metainfo(of infoHash: InfoHash, madeOf folder: FolderContent?) throws -> Metainfo {
        if let folder {
            guard let infoBytes = try resources.store.infoBytes(of: infoHash) else {
                throw SessionError.notRegistered(infoHash)
            }
            return try Metainfo(
                infoBytes: infoBytes,
                trackerTiers: folder.trackerTiers,
                pieceLayers: try resources.store.folderPieceLayers(of: infoHash)
            )
        }
        guard let record = try resources.store.torrent(infoHash) else {
            throw SessionError.notRegistered(infoHash)
        }
        return try Metainfo(record)
    }
}

extension Metainfo {
    /// As it was registered.
    init(_ record: StateStore.TorrentRecord) throws {
        try self.init(
            infoBytes: record.infoBytes,
            trackerTiers: record.trackerTiers,
            webSeeds: record.webSeeds,
            creationDate: record.creationDate,
            pieceLayers: record.pieceLayers
        )
    }
}

/// How many torrents of the session are at work, and how many of these have readers that wait.
final class TorrentActivity: Sendable {
    private let activeCount = Atomic<Int>(0)
    private let hungryCount = Atomic<Int>(0)
    private let maximum: Int

    init(maximum: Int) { self.maximum = maximum }

    func began() { activeCount.wrappingAdd(1, ordering: .relaxed) }
    func ended() { activeCount.wrappingSubtract(1, ordering: .relaxed) }

    /// More are at work than should be: the idle ones end sooner, and peers wake no others.
    var isCrowded: Bool { activeCount.load(ordering: .relaxed) >= maximum }

    /// Readers of a torrent lack pieces from now on, or do not any more.
    func isHungry(_ isHungry: Bool) {
        hungryCount.wrappingAdd(isHungry ? 1 : -1, ordering: .relaxed)
    }

    /// Torrents whose readers lack pieces.
    var readerCount: Int { hungryCount.load(ordering: .relaxed) }

    /// Readers of some torrent lack pieces: what nobody waits for is fetched later.
    var hasHungryReaders: Bool { hungryCount.load(ordering: .relaxed) > 0 }
}
