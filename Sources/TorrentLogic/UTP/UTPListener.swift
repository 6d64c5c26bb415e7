package import BitTorrentProtocol

/// Who asks for a uTP connection, until the first datagram after the answer shows that it hears us.
///
/// Until then a peer costs a line in a table of fixed size, so that a flood of requests under false
/// addresses costs no more than that.
package struct UTPListener {
    package typealias Instant = ContinuousClock.Instant

    /// What names a connection: two peers may use the same number.
    package struct Key: Hashable, Sendable {
        package let address: PeerAddress
        /// In datagrams that come.
        package let receiveID: UInt16

        package init(address: PeerAddress, receiveID: UInt16) {
            self.address = address
            self.receiveID = receiveID
        }
    }

    package struct Request: Equatable, Sendable {
        package let key: Key
        let peerSequence: UInt16
        let ownSequence: UInt16
        let expiry: Instant
    }

    package enum Answer: Equatable, Sendable {
        case none
        case send(UTPHeader)
        /// The connection stands; the datagram is its first.
        case accept(Request)
    }

    /// Requests that are remembered; the oldest gives way.
    package static let maximumRequestCount = 256
    package static let patience = Duration.seconds(10)
    /// Answers to datagrams of no connection, in a second.
    package static let maximumResetsPerSecond = 50

    private var requests: [Key: Request] = [:]
    private var order: [Key] = []
    private var clock: UTPClock?
    private var resetCount = 0
    private var resetsUntil: Instant?
    private var generator: SeededGenerator

    package init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    package var requestCount: Int { requests.count }

    /// A number that no connection to the address has, for one that we ask for.
    ///
    /// - Parameter isTaken: whether a connection has it.
    /// - Returns: `nil` if none was found after some tries.
    package mutating func unusedID(
        for address: PeerAddress,
        isTaken: (Key) -> Bool
    ) -> UInt16? {
        for _ in 0..<16 {
            let key = Key(address: address, receiveID: .random(in: 0 ... .max, using: &generator))
            if !isTaken(key), requests[key] == nil { return key.receiveID }
        }
        return nil
    }

    package mutating func randomSequence() -> UInt16 {
        .random(in: 0 ... .max, using: &generator)
    }

    /// A datagram has come that belongs to no connection.
    ///
    /// - Parameter isTaken: whether a connection has the name.
    package mutating func received(
        _ header: UTPHeader,
        from address: PeerAddress,
        now: Instant,
        isTaken: (Key) -> Bool
    ) -> Answer {
        let clock = clock ?? UTPClock(epoch: now)
        self.clock = clock
        switch header.kind {
        case .syn: return requested(header, from: address, clock, now: now, isTaken: isTaken)
        case .reset: return .none
        case .data, .fin, .state:
            let key = Key(address: address, receiveID: header.connectionID)
            if let request = requests[key], header.acknowledged == request.ownSequence &- 1,
                header.kind == .data || header.kind == .fin
            {
                forget(key)
                return request.expiry > now ? .accept(request) : .none
            }
            return refuse(header, clock, now: now)
        }
    }

    private mutating func requested(
        _ header: UTPHeader,
        from address: PeerAddress,
        _ clock: UTPClock,
        now: Instant,
        isTaken: (Key) -> Bool
    ) -> Answer {
        let key = Key(address: address, receiveID: header.connectionID &+ 1)
        guard !isTaken(key) else { return .none }
        var request = requests[key]
        if request?.peerSequence != header.sequence || (request.map { $0.expiry <= now } ?? true) {
            forget(key)
            if order.count >= Self.maximumRequestCount { forget(order[0]) }
            request = Request(
                key: key,
                peerSequence: header.sequence,
                ownSequence: randomSequence(),
                expiry: now + Self.patience
            )
            order.append(key)
            requests[key] = request
        }
        guard let request else { return .none }
        let time = UInt32(truncatingIfNeeded: clock.microseconds(now))
        return .send(
            UTPHeader(
                .state,
                connectionID: header.connectionID,
                timestamp: time,
                delay: time &- header.timestamp,
                window: UInt32(UTPLimits.receiveWindow),
                sequence: request.ownSequence,
                acknowledged: request.peerSequence
            )
        )
    }

    /// The sender learns that there is no such connection.
    private mutating func refuse(
        _ header: UTPHeader,
        _ clock: UTPClock,
        now: Instant
    ) -> Answer {
        if resetsUntil.map({ $0 <= now }) ?? true {
            resetsUntil = now + .seconds(1)
            resetCount = 0
        }
        guard resetCount < Self.maximumResetsPerSecond else { return .none }
        resetCount += 1
        return .send(
            UTPHeader(
                .reset,
                connectionID: header.connectionID,
                timestamp: UInt32(truncatingIfNeeded: clock.microseconds(now)),
                sequence: 0,
                acknowledged: header.sequence
            )
        )
    }

    private mutating func forget(_ key: Key) {
        guard requests.removeValue(forKey: key) != nil else { return }
        order.removeAll { $0 == key }
    }
}
