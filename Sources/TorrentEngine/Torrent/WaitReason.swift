import NIOCore
import Synchronization
import TorrentLogic

/// Why bytes that a reader waits for are not there yet.
package enum WaitReason: Sendable {
    /// The torrent is being taken up.
    case starting
    /// They have come, and are being hashed and written; or they were there before and are hashed again.
    case verifying
    /// Nobody is connected.
    case noPeers
    /// Nobody who is connected has them.
    case notOffered
    /// Those who have them give us nothing just now.
    case choked
    /// Those who have them are asked for what is needed sooner.
    case queued
    /// They are on their way.
    case arriving
    /// They will not come.
    case ended
}

extension WaitReason {
    init(_ missing: Swarm.Missing) {
        self =
            if missing.isWhole {
                .verifying
            } else if missing.requestCount > 0 {
                .arriving
            } else if missing.peerCount == 0 {
                .noPeers
            } else if missing.holderCount == 0 {
                .notOffered
            } else if missing.readyCount == 0 {
                .choked
            } else {
                .queued
            }
    }
}

extension RegisteredTorrent {
    package func explainWait(
        for range: Range<UInt64>,
        _ tell: @escaping @Sendable (WaitReason) -> Void
    ) {
        let torrent: Torrent
        switch state.withLock({ $0.phase }) {
        case .warm(let warm), .cooling(let warm): torrent = warm
        case .cold, .warming, .held: return tell(.starting)
        case .over: return tell(.ended)
        }
        torrent.loop.execute { tell(torrent.assumeIsolated { $0.waitReason(for: range) }) }
    }
}

extension Torrent {
    fileprivate func waitReason(for range: Range<UInt64>) -> WaitReason {
        if isStopped { return .ended }
        // What we have and cannot be read is hashed anew.
        return swarm.missing(of: range).map { WaitReason($0) } ?? .verifying
    }
}
