package import BitTorrentProtocol
import TorrentLogic

/// How a torrent stands at one moment.
package struct TorrentStatus: Equatable, Sendable {
    /// Bytes of the pieces that are verified and on disk.
    package let verifiedByteCount: UInt64
    package let peerCount: Int
    /// Payload received and sent since the torrent went to work.
    package let downloadedByteCount: UInt64
    package let uploadedByteCount: UInt64
    /// What trackers say of the whole swarm, the one that knows most; `nil` while none has.
    package let swarmSize: SwarmSize?
}

extension RegisteredTorrent {
    /// - Throws: if the torrent is cold and cannot be read from the store.
    package var status: TorrentStatus {
        get async throws {
            if let active { return await active.status }
            return TorrentStatus(try await load())
        }
    }
}

extension TorrentStatus {
    fileprivate init(_ cold: TorrentActivation.Parts) {
        self.init(
            verifiedByteCount: PublishedPieces(
                geometry: cold.metainfo.info.geometry,
                verified: cold.cached
            ).cachedByteCount,
            peerCount: 0,
            downloadedByteCount: 0,
            uploadedByteCount: 0,
            swarmSize: nil
        )
    }
}

extension Torrent {
    package var status: TorrentStatus {
        TorrentStatus(
            verifiedByteCount: published.cachedByteCount,
            peerCount: links.count,
            downloadedByteCount: downloadedByteCount,
            uploadedByteCount: uploadedByteCount,
            swarmSize: announcing.scrapes.largest
        )
    }
}
