import BitTorrentProtocol
import TorrentLogic

/// A peer that does what its script says: a send queue, a send buffer and a line.
struct ScriptedPeer {
    let script: PeerScript
    let address: PeerAddress
    let id: PeerID
    let has: Bitfield
    /// The number of our connection to it.
    private(set) var connection: Int?
    var isAway = false
    private(set) var isChoking = true
    private(set) var hasStalled = false
    /// When what we sent last is there, and what it sent last here: a connection keeps the order.
    var lastHeard = VirtualTime.zero
    var lastDelivered = VirtualTime.zero
    var generator: SeededGenerator

    /// Requests that can still be cancelled.
    private var requests: [Block] = []
    /// What is in the send buffer, the front of it on the wire.
    private var sendBuffer: [Delivery] = []
    private var bufferedByteCount = 0
    private(set) var isTransmitting = false
    private var knowsInterest = false

    init(_ script: PeerScript, number: Int, pieceCount: Int, seed: UInt64) {
        guard
            let address = PeerAddress(
                host: [80, UInt8(number >> 8), UInt8(number & 0xff), 1],
                port: 6881
            ),
            let id = PeerID(bytes: Array("-SI0001-\(100_000_000_000 + number)".utf8))
        else { preconditionFailure("there is no such address") }
        self.script = script
        self.address = address
        self.id = id
        generator = SeededGenerator(seed: seed)
        if script.share >= 1 {
            has = Bitfield(full: pieceCount)
        } else {
            var has = Bitfield(count: pieceCount)
            for piece in 0..<pieceCount {
                has[PieceIndex(piece)] =
                    Double.random(in: 0..<1, using: &generator) < script.share
            }
            self.has = has
        }
    }

    /// Its first message.
    var greeting: PeerMessage {
        script.isFast && has.isComplete ? .haveAll : .bitfield(has.bytes)
    }

    mutating func connected(_ number: Int, now: VirtualTime) {
        connection = number
        lastHeard = now
        lastDelivered = now
    }

    mutating func disconnected() {
        connection = nil
        isChoking = true
        hasStalled = false
        knowsInterest = false
        requests.removeAll(keepingCapacity: true)
        sendBuffer.removeAll(keepingCapacity: true)
        bufferedByteCount = 0
        isTransmitting = false
    }

    /// - Returns: true if this is the first time that it hears of our interest.
    mutating func heardInterest() -> Bool {
        defer { knowsInterest = true }
        return !knowsInterest
    }

    mutating func requested(_ block: Block) {
        guard !isChoking, has[block.piece], requests.count < script.queueLimit else {
            if script.isFast { send(.message(.reject(BlockRequest(block)))) }
            return
        }
        requests.append(block)
        fillSendBuffer()
    }

    mutating func cancelled(_ block: Block) {
        guard let index = requests.firstIndex(of: block) else { return }
        requests.remove(at: index)
        if script.isFast { send(.message(.reject(BlockRequest(block)))) }
    }

    mutating func choke() {
        guard !isChoking else { return }
        isChoking = true
        send(.message(.choke))
        let dropped = requests
        requests.removeAll()
        guard script.isFast else { return }
        for block in dropped { send(.message(.reject(BlockRequest(block)))) }
    }

    mutating func unchoke() {
        guard isChoking else { return }
        isChoking = false
        send(.message(.unchoke))
    }

    mutating func stall() { hasStalled = true }

    mutating func send(_ delivery: Delivery) {
        sendBuffer.append(delivery)
        bufferedByteCount += delivery.byteCount
    }

    /// Puts the front of the send buffer on the wire.
    ///
    /// - Returns: how long that takes; `nil` if there is nothing, or something is on it already.
    mutating func beginTransmitting() -> VirtualTime? {
        guard !isTransmitting, !hasStalled, let front = sendBuffer.first else { return nil }
        isTransmitting = true
        return .seconds(Double(front.byteCount) / script.rate)
    }

    /// What was on the wire has left.
    mutating func endTransmitting() -> Delivery {
        isTransmitting = false
        let front = sendBuffer.removeFirst()
        bufferedByteCount -= front.byteCount
        fillSendBuffer()
        return front
    }

    /// When something that leaves now arrives.
    mutating func arrival(of delivery: Delivery, now: VirtualTime) -> VirtualTime {
        var delay = script.latency
        if script.jitter > 0 {
            delay = delay + delay * Double.random(in: 0..<script.jitter, using: &generator)
        }
        if script.loss > 0 {
            let packets = delivery.byteCount / 1460 + 1
            for _ in 0..<packets where Double.random(in: 0..<1, using: &generator) < script.loss {
                delay = delay + script.latency * 2
            }
        }
        lastDelivered = max(lastDelivered, now + delay)
        return lastDelivered
    }

    private mutating func fillSendBuffer() {
        guard script.conduct != .silent, !hasStalled else { return }
        var taken = 0
        while taken < requests.count, bufferedByteCount < script.sendBufferByteCount {
            send(.block(requests[taken], content: content()))
            taken += 1
        }
        requests.removeFirst(taken)
    }

    private mutating func content() -> UInt64 {
        guard case .lies(let share) = script.conduct,
            Double.random(in: 0..<1, using: &generator) < share
        else { return 0 }
        return generator.next() | 1
    }
}
