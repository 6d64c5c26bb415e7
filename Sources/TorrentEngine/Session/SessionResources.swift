import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore

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
    let encryptedDials: EncryptedDials
    let obfuscatedInfoHashes = ObfuscatedInfoHashes()
    let activity: TorrentActivity
    let pins: PinnedTorrents
    let logger: Logger
}
