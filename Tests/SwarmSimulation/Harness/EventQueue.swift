import BitTorrentProtocol
import TorrentLogic

/// What happens at a moment of virtual time.
enum Event {
    /// A dial of ours ends: the peer answers, or nobody does.
    case dialled(peer: Int)
    /// What we sent in one turn is at the peer.
    case heard([PeerMessage], connection: Int)
    /// The peer has put the front of its send buffer on the wire.
    case transmitted(connection: Int)
    /// Our line has room for more of the peer.
    case lineFree(connection: Int)
    /// Something of a peer is at the far end of our line.
    case reachedLine(Delivery, connection: Int)
    case delivered(Delivery, connection: Int)
    case peerTurns(PeerTurn, connection: Int)
    /// A peer that left is there again.
    case returned(peer: Int)
    case hashed(PieceIndex, Verdict)
    case proved(Block)
    /// The swarm's timer, if it was not set anew since.
    case timer
    case woken(reader: Int)
    case answered(Read)
    /// A READ has waited so long that the client is told to try again.
    case heldTooLong(WaitID)
    case retried(Read)
}

/// What the hash of a piece says of the blocks that are here.
struct Verdict {
    let isRight: Bool
    /// Of the blocks that it was hashed from.
    let digests: [UInt64]
    /// If more than one copy of each is kept: with their digests.
    let copies: PieceCopies?
    /// Selections of copies that were tried.
    let tries: Int
}

/// What a peer sends.
enum Delivery {
    case message(PeerMessage)
    /// - content: what tells a wrong block from the right one, which is 0.
    case block(Block, content: UInt64)
    case goodbye

    /// Bytes on the wire.
    var byteCount: Int {
        switch self {
        case .message(.bitfield(let bytes)): bytes.count + 5
        case .message(.hashes(_, let digests)): digests.count * 32 + 53
        case .message: 17
        case .block(let block, _): Int(block.length) + 13
        case .goodbye: 0
        }
    }
}

/// A READ of a reader; the tag is the reader's own.
struct Read: Equatable {
    let reader: Int
    let file: Int
    /// Of the file.
    let range: Range<UInt64>
    let tag: Int
}

/// The events to come, the earliest first; those of one moment in the order of their making.
struct EventQueue {
    private struct Entry {
        let time: VirtualTime
        let number: Int
        let event: Event

        func precedes(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : number < other.number
        }
    }

    private(set) var pushCount = 0
    /// A binary heap.
    private var entries: [Entry] = []

    mutating func push(_ event: Event, at time: VirtualTime) {
        pushCount += 1
        let entry = Entry(time: time, number: pushCount, event: event)
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry.precedes(entries[parent]) else { break }
            entries[child] = entries[parent]
            child = parent
        }
        entries[child] = entry
    }

    mutating func pop() -> (time: VirtualTime, event: Event)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return (first.time, first.event) }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
            guard entries[child].precedes(last) else { break }
            entries[parent] = entries[child]
            parent = child
        }
        entries[parent] = last
        return (first.time, first.event)
    }
}
