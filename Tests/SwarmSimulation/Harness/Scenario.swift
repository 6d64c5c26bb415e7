import BitTorrentProtocol

/// What is simulated: a torrent, the peers that have it, our line and who reads.
package struct Scenario: Sendable {
    package var torrent: SimulatedTorrent
    package var peers: [PeerScript]
    package var readers: [ReaderScript]
    /// Bytes a second of our own line; `nil` if it is never the bottleneck.
    package var lineRate: Double?
    /// When peers were connected, whatever is read: a swarm that is warm before the first READ.
    package var isWarm = false
    /// What is fetched of these files is counted by itself.
    package var scannedFiles: Range<Int>?
    /// A run that takes longer has failed.
    package var limit = VirtualTime.seconds(600)

    package init(torrent: SimulatedTorrent, peers: [PeerScript], readers: [ReaderScript]) {
        self.torrent = torrent
        self.peers = peers
        self.readers = readers
    }

    package var players: [PlayerScript] {
        readers.compactMap { if case .player(let script) = $0 { script } else { nil } }
    }

    /// The mean round trip to the peers that can be counted on, each with the weight of its rate.
    package var roundTrip: VirtualTime {
        let reliable = peers.filter(\.isReliable)
        let weighted = reliable.reduce(0) { $0 + $1.latency.seconds * 2 * $1.rate }
        return .seconds(weighted / max(1, capacity))
    }

    /// Bytes a second of all peers that can be counted on, as far as our line takes them.
    package var capacity: Double {
        let sum = peers.filter(\.isReliable).reduce(0) { $0 + $1.rate * $1.share }
        return min(sum, lineRate ?? sum)
    }

    /// What nothing that verifies whole pieces can better by much: two round trips and the time of a
    /// piece at full capacity; of v2, of a READ.
    package var seekBound: VirtualTime {
        let unit = torrent.isVersion2 ? 128 << 10 : max(128 << 10, torrent.geometry.pieceLength)
        return roundTrip * 2 + .seconds(Double(unit) / capacity)
    }

    /// As `seekBound` for each place that a player reads before it plays, and for what it needs to hold.
    package func playBound(of script: PlayerScript) -> VirtualTime {
        let pieceLength = torrent.isVersion2 ? 131_072 : Double(torrent.geometry.pieceLength)
        let steps =
            script.opening.dropFirst() + [0..<UInt64(script.byteRate * script.startBuffer.seconds)]
        return steps.reduce(startBound) { bound, range in
            let pieces = (Double(range.count) / pieceLength).rounded(.up)
            return bound + roundTrip * 2 + .seconds(pieces * pieceLength / capacity)
        }
    }

    /// Bytes that a look at a file may move: twice the 64 KiB that are read, or the piece without which
    /// no byte of a torrent of v1 can be verified, with the 3 % that may be wasted.
    package var scanBound: Double {
        let lookedAt = 128.0 * 1024
        let pieceLength = Double(torrent.geometry.pieceLength)
        return torrent.isVersion2 ? lookedAt : max(lookedAt, pieceLength * 1.03)
    }

    /// As `seekBound`, after connecting, shaking hands and being unchoked.
    package var startBound: VirtualTime { isWarm ? seekBound : seekBound + roundTrip * 3 }
}
