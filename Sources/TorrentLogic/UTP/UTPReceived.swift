import BitTorrentProtocol

/// Which datagrams of a connection have come: what is next, what came early, what room is left.
///
/// The payload is with the owner.
struct UTPReceived {
    private static let missing = -1

    /// What came from the next number on: bytes, or `missing`.
    private var window: SequenceWindow<Int>
    private let capacity: Int
    /// Bytes that came early.
    private var earlyByteCount = 0
    /// Bytes that came in order and that the owner has not taken.
    private var untakenByteCount = 0
    /// Number of the last datagram, once it is here.
    private var end: Int?

    init(next: Int, capacity: Int) {
        window = SequenceWindow(first: next)
        self.capacity = capacity
    }

    /// Number of the first datagram that is missing.
    var next: Int { window.first }

    /// Everything is here that will ever come.
    var isComplete: Bool { end.map { $0 < next } ?? false }

    var hasGap: Bool { !window.isEmpty }

    /// Bytes for which there is room.
    var room: Int { max(0, capacity - earlyByteCount - untakenByteCount) }

    mutating func arrived(_ number: Int, byteCount: Int, isLast: Bool) -> UTPConnection.Arrival {
        guard number >= next, number - next <= UTPLimits.maximumEarly,
            end.map({ number <= $0 }) ?? true, window[number] ?? Self.missing == Self.missing
        else { return .ignored }
        // What fills the gap frees what waits behind it, so it needs no room beside that.
        let needed = number == next ? byteCount - earlyByteCount : byteCount
        guard needed <= room else { return .ignored }
        if isLast { end = number }
        while window.end <= number { window.append(Self.missing) }
        window[number] = byteCount
        guard number == next else {
            earlyByteCount += byteCount
            return .early
        }
        window.removeFirst()
        untakenByteCount += byteCount
        var following = 0
        while let count = window[next], count != Self.missing {
            window.removeFirst()
            earlyByteCount -= count
            untakenByteCount += count
            following += 1
        }
        return .inOrder(following: following)
    }

    mutating func taken(_ byteCount: Int) {
        untakenByteCount = max(0, untakenByteCount - byteCount)
    }

    mutating func takeAll() { untakenByteCount = 0 }

    var selectiveAck: UTPSelectiveAck? {
        guard hasGap else { return nil }
        let acknowledged = next - 1
        return UTPSelectiveAck(
            window.indices.lazy.filter { window[$0] != Self.missing }
                .map { $0 - acknowledged - UTPSelectiveAck.firstOffset }
        )
    }
}
