import BitTorrentProtocol

/// The datagrams that were sent, from the first on that the peer has not acknowledged.
///
/// The payload is with the owner.
struct UTPSent {
    struct Segment {
        enum State: Equatable {
            case underWay
            case acknowledged
            case lost
        }

        let byteCount: Int
        /// The last one (FIN).
        let isLast: Bool
        /// Tries how much the path carries.
        var isTrial: Bool
        var state = State.underWay
        /// When it was sent last.
        var sentAt: Int
        /// Place in the order in which datagrams left, of its last transmission.
        var order: UInt64
        var isResent = false
    }

    /// What an acknowledgement brought.
    struct News {
        var byteCount = 0
        /// Time since the latest segment left, of those that were sent once.
        var roundTrip: Int?
        var isTrialArrived = false
        var hasProgress = false
    }

    struct Losses {
        /// The first of what was sent since losses were last told of.
        var isNew = false
        var isTrialLost = false
    }

    private var window: SequenceWindow<Segment>
    private var nextOrder: UInt64 = 1
    /// The latest transmission that has arrived.
    private var arrivedOrder: UInt64 = 0
    /// The number after the highest one that has arrived.
    private var arrivedEnd: Int
    /// Losses of what left before belong to an earlier event.
    private var recoveryOrder: UInt64 = 0
    private var lostCount = 0
    /// No segment before this one is lost.
    private var firstLost: Int
    private(set) var bytesUnderWay = 0

    init(next: Int) {
        window = SequenceWindow(first: next)
        arrivedEnd = next
        firstLost = next
    }

    /// Number of the next segment.
    var next: Int { window.end }
    /// Number of the oldest segment that is not acknowledged.
    var first: Int { window.first }
    var isEmpty: Bool { window.isEmpty }
    var isFull: Bool { window.count >= UTPLimits.maximumUnacknowledged }
    var hasLosses: Bool { lostCount > 0 }

    subscript(number: Int) -> Segment? { window[number] }

    /// - Returns: its number.
    mutating func append(byteCount: Int, isLast: Bool, isTrial: Bool, at time: Int) -> Int {
        let number = next
        window.append(
            Segment(
                byteCount: byteCount,
                isLast: isLast,
                isTrial: isTrial,
                sentAt: time,
                order: nextOrder
            )
        )
        nextOrder += 1
        bytesUnderWay += byteCount
        return number
    }

    /// Number of the oldest lost segment.
    mutating func nextLost() -> Int? {
        guard lostCount > 0 else { return nil }
        firstLost = max(firstLost, first)
        while firstLost < next, window[firstLost]?.state != .lost { firstLost += 1 }
        return firstLost < next ? firstLost : nil
    }

    /// The newest segment that is not acknowledged.
    var lastUnderWay: Int? {
        window.indices.reversed().first { window[$0]?.state == .underWay }
    }

    mutating func resent(_ number: Int, at time: Int) {
        let order = nextOrder
        nextOrder += 1
        let added = window.update(number) { segment -> (lost: Int, bytes: Int) in
            let isLost = segment.state == .lost
            segment.state = .underWay
            segment.sentAt = time
            segment.order = order
            segment.isResent = true
            segment.isTrial = false
            return isLost ? (1, segment.byteCount) : (0, 0)
        }
        lostCount -= added?.lost ?? 0
        bytesUnderWay += added?.bytes ?? 0
    }

    /// - Parameters:
    ///   - number: everything up to it has arrived; it was sent.
    ///   - leastRoundTrip: whoever acknowledges sooner means an earlier transmission.
    mutating func acknowledge(
        through number: Int,
        _ selective: UTPSelectiveAck?,
        at time: Int,
        leastRoundTrip: Int
    ) -> News {
        var arrival = Arrival(time: time, leastRoundTrip: leastRoundTrip, order: arrivedOrder)
        while window.first <= number, var segment = window.removeFirst() {
            arrival.add(&segment)
        }
        arrivedEnd = max(arrivedEnd, window.first)
        if let selective {
            for offset in selective.offsets {
                let other = number + UTPSelectiveAck.firstOffset + offset
                guard other < next else { break }
                if window.update(other, { arrival.add(&$0) }) != nil {
                    arrivedEnd = max(arrivedEnd, other + 1)
                }
            }
        }
        arrivedOrder = arrival.order
        bytesUnderWay -= arrival.bytesUnderWay
        lostCount -= arrival.lostCount
        return arrival.news
    }

    /// Finds what is lost, because later transmissions have arrived.
    mutating func findLosses() -> Losses {
        var losses = Losses()
        guard arrivedOrder > UTPLimits.reorderTolerance else { return losses }
        let limit = arrivedOrder - UTPLimits.reorderTolerance
        for number in window.first..<max(window.first, arrivedEnd) {
            guard let segment = window[number], segment.state == .underWay,
                segment.order <= limit
            else { continue }
            lose(number, segment, &losses)
        }
        return losses
    }

    /// The oldest segment is lost, as a peer says without selective acknowledgements.
    mutating func loseFirst() -> Losses {
        var losses = Losses()
        if let segment = window[first], segment.state == .underWay {
            lose(first, segment, &losses)
        }
        return losses
    }

    /// Nothing was acknowledged for long: all of it is sent again, as the window allows.
    mutating func loseAll() -> Losses {
        var losses = Losses()
        for number in window.indices {
            guard let segment = window[number], segment.state == .underWay else { continue }
            lose(number, segment, &losses)
        }
        return losses
    }

    private mutating func lose(_ number: Int, _ segment: Segment, _ losses: inout Losses) {
        window.update(number) { $0.state = .lost }
        lostCount += 1
        bytesUnderWay -= segment.byteCount
        firstLost = min(firstLost, number)
        if segment.isTrial {
            losses.isTrialLost = true
        } else if segment.order >= recoveryOrder {
            losses.isNew = true
            recoveryOrder = nextOrder
        }
    }
}

/// Adds up what one acknowledgement says.
private struct Arrival {
    let time: Int
    let leastRoundTrip: Int
    /// The latest transmission that has arrived.
    var order: UInt64
    var news = UTPSent.News()
    /// What counts no longer as under way, or as lost.
    var bytesUnderWay = 0
    var lostCount = 0
    private var latest: UInt64 = 0

    init(time: Int, leastRoundTrip: Int, order: UInt64) {
        self.time = time
        self.leastRoundTrip = leastRoundTrip
        self.order = order
    }

    mutating func add(_ segment: inout UTPSent.Segment) {
        switch segment.state {
        case .acknowledged: return
        case .underWay: bytesUnderWay += segment.byteCount
        case .lost: lostCount += 1
        }
        segment.state = .acknowledged
        news.hasProgress = true
        news.byteCount += segment.byteCount
        if segment.isTrial { news.isTrialArrived = true }
        let age = time - segment.sentAt
        if !segment.isResent || age >= leastRoundTrip { order = max(order, segment.order) }
        if !segment.isResent, segment.order > latest {
            latest = segment.order
            news.roundTrip = age
        }
    }
}
