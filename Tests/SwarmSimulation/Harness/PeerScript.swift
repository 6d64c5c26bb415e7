/// What a scripted peer is like.
package struct PeerScript: Sendable {
    package enum Conduct: Equatable, Sendable {
        case honest
        /// It unchokes and never sends a block.
        case silent
        /// It sends nothing more this long after we connected.
        case stalls(after: VirtualTime)
        /// This share of its blocks is wrong.
        case lies(share: Double)
        /// It breaks the connection after about this long, and can be dialled again after the other.
        case leaves(after: VirtualTime, awayFor: VirtualTime)
        /// It chokes us after about this long, and unchokes us after the other.
        case chokes(after: VirtualTime, for: VirtualTime)
    }

    /// Bytes a second that it uploads to us.
    package var rate: Double
    /// One way.
    package var latency: VirtualTime
    /// What a delivery may be late by, as a share of the latency.
    package var jitter = 0.0
    /// The share of packets that are lost: each delays what is behind it by a round trip.
    package var loss = 0.0
    /// From our interest to its unchoke.
    package var unchokeDelay = VirtualTime.zero
    /// The share of the pieces that it has.
    package var share = 1.0
    /// Requests that it keeps; it drops those beyond.
    package var queueLimit = 250
    /// It speaks the fast extension (BEP 6).
    package var isFast = true
    package var conduct = Conduct.honest

    package init(rate: Double, latency: VirtualTime, conduct: Conduct = .honest) {
        self.rate = rate
        self.latency = latency
        self.conduct = conduct
    }

    /// Whether blocks of it can be counted on.
    package var isReliable: Bool {
        switch conduct {
        case .honest: true
        case .silent, .stalls, .lies, .leaves, .chokes: false
        }
    }

    /// What stands in its send buffer and arrives whatever is cancelled: a quarter of a second, as
    /// libtorrent and Transmission fill theirs.
    var sendBufferByteCount: Int { Int(min(max(rate / 4, 32 * 1024), 512 * 1024)) }
}

/// A change in what a peer does, at a time of its script.
enum PeerTurn {
    case unchoke
    case choke
    case stall
    case leave
}
