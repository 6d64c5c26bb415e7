import BitTorrentProtocol
import TorrentLogic

/// A gateway in virtual time: answers what it is asked by the protocols that it knows.
struct VirtualGateway {
    typealias Instant = ContinuousClock.Instant

    static let host: [UInt8] = [10, 0, 0, 1]
    static let clientHost: [UInt8] = [10, 0, 0, 2]
    static let externalHost: [UInt8] = [203, 0, 113, 7]

    var knowsPCP = false
    var knowsNATPMP = false
    var knowsUPnP = false
    var lifetime: UInt32 = 7200
    /// Since when it counts its mappings.
    var started: Instant
    /// What it has mapped: external ports.
    var mapped: [MappedTransport: UInt16] = [:]
    /// External ports that others have.
    var taken: Set<UInt16> = []
    var knowsOnlyPermanentLeases = false
    var requestCount = 0

    private var epoch: (Instant) -> UInt32 {
        { [started] now in UInt32(started.duration(to: now).components.seconds) }
    }

    mutating func restart(now: Instant) {
        started = now
        mapped = [:]
    }

    /// - Returns: its answer to a packet, if it gives one.
    mutating func answer(_ packet: [UInt8], now: Instant) -> [UInt8]? {
        requestCount += 1
        if packet[0] == 2 {
            if knowsPCP { return answerPCP(packet, now: now) }
            return knowsNATPMP ? [0, 129, 0, 1] + bytes(epoch(now)) : nil
        }
        return knowsNATPMP ? answerNATPMP(packet, now: now) : nil
    }

    private mutating func answerPCP(_ packet: [UInt8], now: Instant) -> [UInt8] {
        let isRemoval = packet[4..<8].allSatisfy { $0 == 0 }
        let port = map(packet[36] == 6 ? .tcp : .udp, packet[42..<44], isRemoval: isRemoval)
        var answer: [UInt8] = [2, 0x81, 0, 0]
        answer += bytes(isRemoval ? 0 : lifetime) + bytes(epoch(now))
        answer += [UInt8](repeating: 0, count: 12)
        answer += packet[24..<42] + port
        answer += [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + Self.externalHost
        return answer
    }

    private mutating func answerNATPMP(_ packet: [UInt8], now: Instant) -> [UInt8] {
        if packet[1] == 0 { return [0, 128, 0, 0] + bytes(epoch(now)) + Self.externalHost }
        let isRemoval = packet[8..<12].allSatisfy { $0 == 0 }
        let port = map(packet[1] == 2 ? .tcp : .udp, packet[6..<8], isRemoval: isRemoval)
        var answer: [UInt8] = [0, packet[1] | 0x80, 0, 0]
        answer += bytes(epoch(now)) + packet[4..<6] + port
        answer += bytes(isRemoval ? 0 : lifetime)
        return answer
    }

    private mutating func map(
        _ transport: MappedTransport,
        _ suggested: ArraySlice<UInt8>,
        isRemoval: Bool
    ) -> [UInt8] {
        let port = suggested.reduce(0) { $0 << 8 | UInt16($1) }
        mapped[transport] = isRemoval ? nil : port
        return Array(suggested)
    }

    /// - Returns: what it answers to a call, `nil` if it knows no UPnP.
    mutating func answer(_ action: GatewayAction) -> GatewayAnswer? {
        guard knowsUPnP else { return nil }
        switch action {
        case .externalAddress: return .success(["NewExternalIPAddress": "203.0.113.7"])
        case .add(let mapping):
            if taken.contains(mapping.externalPort) { return .fault(code: 718) }
            if knowsOnlyPermanentLeases, mapping.lifetime != 0 { return .fault(code: 725) }
            mapped[mapping.transport] = mapping.externalPort
            return .success([:])
        case .addAny(let mapping):
            let port = taken.contains(mapping.externalPort) ? 7777 : mapping.externalPort
            mapped[mapping.transport] = port
            return .success(["NewReservedPort": "\(port)"])
        case .delete(let transport, let port):
            if mapped[transport] == port { mapped[transport] = nil }
            return .success([:])
        }
    }

    static let location = "http://10.0.0.1:5000/desc.xml"

    static var searchAnswer: [UInt8] {
        Array(
            ("HTTP/1.1 200 OK\r\nST: \(SSDPSearch.targets[0])\r\nLOCATION: \(location)\r\n\r\n")
                .utf8
        )
    }

    static func description(_ kind: GatewayService) -> GatewayDescription? {
        guard let url = GatewayURL(location) else { return nil }
        let page =
            "<root><device><service><serviceType>\(kind.rawValue)</serviceType>"
            + "<controlURL>/ctl</controlURL></service></device></root>"
        return GatewayDescription(decoding: Array(page.utf8), from: url)
    }

    private func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }
}
