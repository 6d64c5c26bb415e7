import BitTorrentProtocol

@testable import TorrentLogic

/// Many DHT nodes and the network between them in one value, in virtual time and from a seed.
struct VirtualDHT {
    typealias Instant = ContinuousClock.Instant

    private struct Packet {
        let arrival: Instant
        let from: PeerAddress
        let to: PeerAddress
        let bytes: [UInt8]
    }

    private(set) var now: Instant
    var nodes: [PeerAddress: DHTNode] = [:]
    /// In the order of joining.
    private(set) var addresses: [PeerAddress] = []
    private(set) var found: [PeerAddress: Set<PeerAddress>] = [:]
    private(set) var finishedCount = 0
    private(set) var sentByteCount: [PeerAddress: Int] = [:]
    private var packets: [Packet] = []
    private var random: SeededGenerator
    /// Packets that get lost.
    var lossPercentage: Int

    init(seed: UInt64, lossPercentage: Int = 0) {
        now = .now
        random = SeededGenerator(seed: seed)
        self.lossPercentage = lossPercentage
    }

    mutating func join(
        _ address: PeerAddress,
        isReadOnly: Bool = false,
        saved: DHTNode.SavedState = .init()
    ) {
        var configuration = DHTNode.Configuration()
        configuration.families = address.isIPv6 ? .ipv6 : .ipv4
        configuration.isReadOnly = isReadOnly
        if saved.contacts.isEmpty {
            configuration.bootstrapAddresses = addresses.first.map { [$0] } ?? []
        }
        nodes[address] = DHTNode(
            configuration: configuration,
            saved: saved,
            generator: SeededGenerator(seed: random.next()),
            now: now
        )
        addresses.append(address)
        collect(address)
    }

    mutating func leave(_ address: PeerAddress) {
        nodes[address] = nil
        addresses.removeAll { $0 == address }
    }

    mutating func at(_ address: PeerAddress, _ body: (inout DHTNode, Instant) -> Void) {
        guard var node = nodes[address] else { return }
        body(&node, now)
        nodes[address] = node
        collect(address)
    }

    mutating func run(for duration: Duration) {
        let end = now.advanced(by: duration)
        while true {
            let packet = packets.indices.min { packets[$0].arrival < packets[$1].arrival }
            let timer = addresses.min { deadline($0) < deadline($1) }
            let arrival = packet.map { packets[$0].arrival } ?? end
            let due = timer.map(deadline) ?? end
            guard min(arrival, due) < end else { break }
            now = max(now, min(arrival, due))
            if let packet, arrival <= due {
                let packet = packets.remove(at: packet)
                at(packet.to) { $0.received(packet.bytes, from: packet.from, now: $1) }
            } else if let timer {
                at(timer) { $0.timerFired(now: $1) }
            }
        }
        now = end
    }

    private func deadline(_ address: PeerAddress) -> Instant {
        nodes[address]?.nextDeadline ?? now.advanced(by: .seconds(1_000_000))
    }

    private mutating func collect(_ address: PeerAddress) {
        for action in nodes[address]?.takeActions() ?? [] {
            switch action {
            case .send(let bytes, let to):
                sentByteCount[address, default: 0] += bytes.count
                guard Int.random(in: 0..<100, using: &random) >= lossPercentage else { continue }
                let delay = Duration.milliseconds(Int.random(in: 5...100, using: &random))
                packets.append(
                    Packet(arrival: now.advanced(by: delay), from: address, to: to, bytes: bytes)
                )
            case .found(let peers, _): found[address, default: []].formUnion(peers)
            case .finished: finishedCount += 1
            }
        }
    }
}
