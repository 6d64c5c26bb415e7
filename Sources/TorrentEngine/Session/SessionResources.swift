import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

/// What the torrents of a session share.
struct SessionResources: Sendable {
    let configuration: SessionConfiguration
    let ownID: PeerID
    let announceKey: UInt32
    let cache: CacheDirectory
    let pool: DiskPool
    let store: StateStore
    let journal: CompletionJournal
    let tracker: Trackers
    let webSeeds: WebSeedClient
    let addresses: AddressFilter
    let discovery: Discovery
    let listenPort: ListenPort
    let dialler: PeerDialler
    let settings: PublishedSettings
    let bandwidth: SharedBandwidth
    let connections: Connections
    let encryptedDials: EncryptedDials
    let obfuscatedInfoHashes = ObfuscatedInfoHashes()
    let filter = PeerFilter()
    let activity: TorrentActivity
    let logger: Logger

    /// Of a torrent that is made now.
    var swarmLimits: SwarmLimits {
        var limits = configuration.limits
        limits.maximumPeers = settings.current.peersPerTorrent
        return limits
    }
}
