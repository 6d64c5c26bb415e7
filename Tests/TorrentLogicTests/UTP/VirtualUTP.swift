import BitTorrentProtocol
import NIOCore
import Testing

@testable import TorrentLogic

/// One end of a connection, with what its owner holds: which bytes of the stream a datagram carries.
struct VirtualEnd {
    var connection: UTPConnection
    /// Bytes cut into datagrams.
    var cutByteCount = 0
    /// What each number carries.
    var carried: [Int: Range<Int>] = [:]
    var early: [Int: Range<Int>] = [:]
    var receivedByteCount = 0
    /// Takes what has come at once; else somebody else does.
    var isReading = true
    var datagramCount = 0
    var resentCount = 0
    var largestArrived = 0
}

/// Two ends of one connection, in virtual time and from a seed.
///
/// Every header goes over the wire in its real form. Instead of bytes, a datagram carries the range of
/// the stream that they would be.
struct VirtualUTP {
    typealias Instant = ContinuousClock.Instant

    private struct Flight {
        let arrival: Instant
        let order: Int
        let toAcceptor: Bool
        let wire: ByteBuffer
        let range: Range<Int>
    }

    static let start = Instant.now
    static let address = PeerAddress(host: [10, 0, 0, 1], port: 6881)

    var now = Self.start
    var dialler: VirtualEnd
    var acceptor: VirtualEnd?
    var listener: UTPListener
    /// Towards the acceptor, and back.
    var there: VirtualLink
    var back: VirtualLink
    private var flights: [Flight] = []
    private var flightCount = 0
    /// Selective acknowledgements are as short as they can be, as those of libtorrent are.
    var hasShortSelectiveAcks = false
    /// Called before each event, with the time of it.
    var observe: ((inout VirtualUTP) -> Void)?
    private(set) var failures: [String] = []

    init(
        _ condition: VirtualLink.Condition,
        back: VirtualLink.Condition? = nil,
        receiveWindow: Int = UTPLimits.receiveWindow,
        seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        dialler = VirtualEnd(
            connection: UTPConnection(
                connectingAs: UInt16.random(in: 0 ... .max, using: &generator),
                // Numbers wrap soon.
                sequence: UInt16.random(in: 65_000 ... .max, using: &generator),
                isIPv6: false,
                receiveWindow: receiveWindow,
                now: now
            )
        )
        listener = UTPListener(seed: generator.next())
        there = VirtualLink(condition, seed: generator.next(), now: now)
        self.back = VirtualLink(back ?? condition, seed: generator.next(), now: now)
        self.receiveWindow = receiveWindow
    }

    private let receiveWindow: Int

    // MARK: Time

    /// Lets time go by.
    ///
    /// - Returns: whether `isDone` came true before the end.
    @discardableResult
    mutating func run(
        for limit: Duration,
        until isDone: (VirtualUTP) -> Bool = { _ in false }
    ) -> Bool {
        let end = now + limit
        pump()
        while !isDone(self) {
            let deadlines = [
                flights.first?.arrival, dialler.connection.nextDeadline,
                acceptor?.connection.nextDeadline,
            ]
            guard let next = deadlines.compactMap(\.self).min(), next <= end else {
                now = end
                return isDone(self)
            }
            now = max(now, next)
            observe?(&self)
            while let flight = flights.first, flight.arrival <= now {
                flights.removeFirst()
                arrive(flight)
            }
            dialler.fireTimer(now)
            acceptor?.fireTimer(now)
            pump()
        }
        return true
    }

    /// Sends what the two want to send.
    mutating func pump() {
        while let (datagram, range) = dialler.next(now) {
            send(datagram.header, range, there: true, isWhole: datagram.isTrial)
        }
        while let (datagram, range) = acceptor?.next(now) {
            send(datagram.header, range, there: false, isWhole: datagram.isTrial)
        }
    }

    private mutating func send(
        _ header: UTPHeader,
        _ range: Range<Int>,
        there isThere: Bool,
        isWhole: Bool = false
    ) {
        var wire = ByteBuffer()
        header.encode(into: &wire)
        if hasShortSelectiveAcks { wire.shortenSelectiveAck() }
        let byteCount = wire.readableBytes + range.count
        let arrivals =
            isThere
            ? there.send(byteCount: byteCount, isWhole: isWhole, now: now)
            : back.send(byteCount: byteCount, isWhole: isWhole, now: now)
        for arrival in arrivals {
            let flight = Flight(
                arrival: arrival,
                order: flightCount,
                toAcceptor: isThere,
                wire: wire,
                range: range
            )
            flightCount += 1
            let place = flights.lastIndex { $0.arrival <= arrival }.map { $0 + 1 } ?? 0
            flights.insert(flight, at: place)
        }
    }

    private mutating func arrive(_ flight: Flight) {
        var wire = flight.wire
        guard let header = UTPHeader(consuming: &wire) else {
            return failures.append("a header cannot be read")
        }
        guard flight.toAcceptor else {
            return dialler.receive(header, flight.range, now, &failures)
        }
        if header.kind != .syn, acceptor != nil {
            acceptor?.receive(header, flight.range, now, &failures)
            return
        }
        guard let address = Self.address else { return }
        let isTaken = acceptor != nil
        switch listener.received(header, from: address, now: now, isTaken: { _ in isTaken }) {
        case .none: break
        case .send(let answer): send(answer, 0..<0, there: false)
        case .accept(let request):
            acceptor = VirtualEnd(
                connection: UTPConnection(
                    accepting: request,
                    receiveWindow: receiveWindow,
                    now: now
                )
            )
            acceptor?.receive(header, flight.range, now, &failures)
        }
    }
}

extension VirtualEnd {
    mutating func write(_ byteCount: Int) { connection.write(byteCount) }

    mutating func fireTimer(_ now: ContinuousClock.Instant) {
        if let deadline = connection.nextDeadline, deadline <= now {
            connection.timerFired(now: now)
        }
    }

    mutating func next(
        _ now: ContinuousClock.Instant
    ) -> (UTPConnection.Datagram, Range<Int>)? {
        guard let datagram = connection.nextDatagram(now: now) else { return nil }
        datagramCount += 1
        guard let segment = datagram.segment else { return (datagram, 0..<0) }
        if segment.isNew {
            carried[segment.number] = cutByteCount..<cutByteCount + segment.byteCount
            cutByteCount += segment.byteCount
        } else {
            resentCount += 1
        }
        return (datagram, carried[segment.number] ?? 0..<0)
    }

    mutating func receive(
        _ header: UTPHeader,
        _ range: Range<Int>,
        _ now: ContinuousClock.Instant,
        _ failures: inout [String]
    ) {
        largestArrived = max(largestArrived, range.count)
        let arrival = connection.received(header, byteCount: range.count, now: now)
        guard let next = connection.receivedEnd else { return }
        switch arrival {
        case .ignored: break
        case .early: early[header.sequence.expanded(near: next)] = range
        case .inOrder(let following):
            take(range, &failures)
            for number in (next - following)..<next {
                take(early.removeValue(forKey: number) ?? -1 ..< -1, &failures)
            }
        }
    }

    private mutating func take(_ range: Range<Int>, _ failures: inout [String]) {
        if range.isEmpty, range.lowerBound >= 0 { return }
        if range.lowerBound != receivedByteCount {
            failures.append("\(range) came where \(receivedByteCount) is next")
        }
        receivedByteCount += range.count
        if isReading { connection.taken(range.count) }
    }
}

extension ByteBuffer {
    /// Leaves out the last bytes of a header's selective acknowledgement that name nothing.
    fileprivate mutating func shortenSelectiveAck() {
        let (place, least) = (UTPHeader.byteCount + 1, UTPHeader.byteCount + 3)
        guard readableBytes > least else { return }
        while readableBytes > least, readableBytesView.last == 0 {
            moveWriterIndex(to: writerIndex - 1)
        }
        setInteger(UInt8(readableBytes - place - 1), at: readerIndex + place)
    }
}
