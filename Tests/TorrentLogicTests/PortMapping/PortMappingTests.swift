import BitTorrentProtocol
import Testing

@testable import TorrentLogic

@Suite struct PortMappingTests {
    typealias Instant = ContinuousClock.Instant

    /// A mapping, its gateway, and the time.
    struct Play {
        var now = ContinuousClock.now
        var gateway: VirtualGateway
        var service = GatewayService.ip1
        var mapping: PortMapping
        var reports: [PortMapping.Report] = []
        /// Packets that the gateway does not hear.
        var lost = 0

        init(clientHost: [UInt8] = VirtualGateway.clientHost) {
            gateway = VirtualGateway(started: now - .seconds(1000))
            mapping = PortMapping(
                PortMapping.Request(port: 6881),
                clientHost: clientHost,
                gatewayHost: VirtualGateway.host,
                generator: SeededGenerator(seed: 1),
                now: now
            )
        }

        mutating func perform() {
            var actions = mapping.takeActions()
            while !actions.isEmpty {
                for action in actions { perform(action) }
                actions = mapping.takeActions()
            }
        }

        private mutating func perform(_ action: PortMapping.Action) {
            switch action {
            case .send(let packet):
                if lost > 0 { return lost -= 1 }
                if let answer = gateway.answer(packet, now: now) {
                    mapping.received(answer, now: now)
                }
            case .search:
                guard gateway.knowsUPnP,
                    let sender = PeerAddress(host: VirtualGateway.host, port: 1900)
                else { return }
                mapping.searchAnswered(VirtualGateway.searchAnswer, from: sender, now: now)
            case .fetch: mapping.described(VirtualGateway.description(service), now: now)
            case .call(_, let action): mapping.answered(gateway.answer(action), now: now)
            case .report(let report): reports.append(report)
            }
        }

        /// Lets time pass, at every deadline on the way.
        mutating func wait(_ duration: Duration) {
            let end = now + duration
            perform()
            while let deadline = mapping.nextDeadline, deadline <= end {
                now = max(now, deadline)
                mapping.timerFired(now: now)
                perform()
            }
            now = end
        }
    }

    static let ports: [MappedTransport: UInt16] = [.tcp: 6881, .udp: 6881]

    static func mapped(
        _ method: PortMapping.Method,
        _ ports: [MappedTransport: UInt16] = ports
    ) -> PortMapping.Report {
        .mapped(.init(method: method, host: VirtualGateway.externalHost, ports: ports))
    }

    @Test func mapsByPCPWhereTheGatewayKnowsIt() {
        var play = Play()
        play.gateway.knowsPCP = true
        play.gateway.knowsUPnP = true
        play.wait(.seconds(1))
        #expect(play.reports == [Self.mapped(.pcp)])
        #expect(play.gateway.mapped == Self.ports)
    }

    @Test func fallsBackToNATPMPAtOnceWhereTheGatewaySaysSo() {
        var play = Play()
        play.gateway.knowsNATPMP = true
        play.wait(.milliseconds(100))
        #expect(play.reports == [Self.mapped(.natPMP)])
        #expect(play.gateway.mapped == Self.ports)
    }

    @Test func mapsByUPnPOnlyAfterTheOthersHaveFailed() {
        var play = Play()
        play.gateway.knowsUPnP = true
        play.wait(.seconds(2))
        #expect(play.gateway.mapped.isEmpty)
        play.wait(.seconds(20))
        #expect(play.reports == [Self.mapped(.upnp)])
        #expect(play.gateway.mapped == Self.ports)
    }

    @Test func mapsByUPnPAtOnceWhereNothingElseListens() {
        var play = Play()
        play.gateway.knowsUPnP = true
        play.perform()
        play.mapping.refused(now: play.now)
        play.perform()
        #expect(play.reports == [Self.mapped(.upnp)])
    }

    @Test func repeatsWhatIsLost() {
        var play = Play()
        play.gateway.knowsPCP = true
        play.lost = 5
        play.wait(.seconds(5))
        #expect(play.reports == [Self.mapped(.pcp)])
    }

    @Test func saysWhyNothingIsMappedAndTriesAgainEverMoreSeldom() {
        var play = Play()
        play.wait(.seconds(30))
        #expect(
            play.reports == [
                .failed(["PCP and NAT-PMP: no answer", "UPnP: no answer to the search"])
            ]
        )
        // Said once, however often it fails.
        play.wait(.seconds(10 * 3600))
        #expect(play.reports.count == 1)
        #expect(play.gateway.requestCount < 600)
        play.gateway.knowsPCP = true
        play.wait(.seconds(3700))
        #expect(play.reports.last == Self.mapped(.pcp))
    }

    @Test func renewsAfterHalfTheLife() {
        var play = Play()
        play.gateway.knowsPCP = true
        play.gateway.lifetime = 600
        play.wait(.seconds(299))
        #expect(play.gateway.requestCount == 2)
        play.wait(.seconds(2))
        #expect(play.gateway.requestCount == 4)
        play.wait(.seconds(3600))
        #expect(play.reports == [Self.mapped(.pcp)])
        #expect(play.gateway.requestCount < 40)
    }

    @Test(arguments: [true, false])
    func mapsAgainAfterTheGatewayHasRestarted(knowsPCP: Bool) {
        var play = Play()
        play.gateway.knowsPCP = knowsPCP
        play.gateway.knowsNATPMP = true
        play.wait(.seconds(60))
        play.gateway.restart(now: play.now)
        play.wait(.seconds(600))
        #expect(play.gateway.mapped == Self.ports)
    }

    @Test func asksAtOnceForWhatAnAnswerShowsToBeLost() {
        var play = Play()
        play.gateway.knowsPCP = true
        play.wait(.seconds(590))
        play.gateway.restart(now: play.now)
        // The renewal of one shows that the other is gone as well, if that was not asked for yet.
        play.wait(.seconds(11))
        #expect(play.gateway.mapped == Self.ports)
    }

    @Test func beginsAnewWhenTheGatewayIsGone() {
        var play = Play()
        play.gateway.knowsPCP = true
        play.gateway.lifetime = 120
        play.wait(.seconds(10))
        play.gateway.knowsPCP = false
        play.wait(.seconds(600))
        guard case .failed? = play.reports.last else {
            Issue.record("\(play.reports)")
            return
        }
        play.gateway.knowsUPnP = true
        play.wait(.seconds(3700))
        #expect(play.reports.last == Self.mapped(.upnp))
    }

    @Test func believesTheGatewayAlone() throws {
        var play = Play()
        play.gateway.knowsUPnP = true
        let stranger = try #require(PeerAddress(host: [10, 0, 0, 66], port: 1900))
        _ = play.mapping.takeActions()
        play.mapping.searchAnswered(VirtualGateway.searchAnswer, from: stranger, now: play.now)
        let gateway = try #require(PeerAddress(host: VirtualGateway.host, port: 1900))
        let elsewhere = Array(
            ("HTTP/1.1 200 OK\r\nST: \(SSDPSearch.targets[0])\r\n"
                + "LOCATION: http://127.0.0.1/d\r\n\r\n").utf8
        )
        play.mapping.searchAnswered(elsewhere, from: gateway, now: play.now)
        let before = play.mapping.takeActions()
        #expect(before == [])
        play.mapping.searchAnswered(VirtualGateway.searchAnswer, from: gateway, now: play.now)
        let after = play.mapping.takeActions()
        #expect(after.count == 1)
    }

    @Test func takesNoAnswerWithAnotherNonce() {
        var play = Play()
        let packets = play.mapping.takeActions().compactMap { action -> [UInt8]? in
            if case .send(let packet) = action { packet } else { nil }
        }
        play.gateway.knowsPCP = true
        for packet in packets {
            guard var answer = play.gateway.answer(packet, now: play.now) else { continue }
            answer[30] ^= 1
            play.mapping.received(answer, now: play.now)
        }
        let actions = play.mapping.takeActions()
        #expect(actions == [])
    }

    @Test func takesAnotherPortWhereTheFirstIsTaken() {
        var play = Play()
        play.gateway.knowsUPnP = true
        play.gateway.taken = [6881]
        play.wait(.seconds(30))
        guard case .mapped(let mapping)? = play.reports.last else {
            Issue.record("\(play.reports)")
            return
        }
        #expect(mapping.ports[.tcp] != 6881)
        #expect(mapping.ports == play.gateway.mapped)
    }

    @Test func letsAGatewayOfTheSecondVersionChooseThePort() {
        var play = Play()
        play.service = .ip2
        play.gateway.knowsUPnP = true
        play.gateway.taken = [6881]
        play.wait(.seconds(30))
        #expect(play.reports == [Self.mapped(.upnp, [.tcp: 7777, .udp: 7777])])
    }

    @Test func mapsForEverWhereALeaseIsRefused() {
        var play = Play()
        play.gateway.knowsUPnP = true
        play.gateway.knowsOnlyPermanentLeases = true
        play.wait(.seconds(30))
        #expect(play.reports == [Self.mapped(.upnp)])
        // The gateway forgets when it restarts, so the lease is renewed all the same.
        play.gateway.restart(now: play.now)
        play.wait(.seconds(600))
        #expect(play.gateway.mapped == Self.ports)
    }

    @Test(arguments: [PortMapping.Method.pcp, .natPMP, .upnp])
    func removesAtTheEndWhatItHasMapped(method: PortMapping.Method) {
        var play = Play()
        play.gateway.knowsPCP = method == .pcp
        play.gateway.knowsNATPMP = method == .natPMP
        play.gateway.knowsUPnP = method == .upnp
        play.wait(.seconds(30))
        #expect(play.gateway.mapped == Self.ports)
        play.mapping.close(now: play.now)
        #expect(!play.mapping.isClosed)
        play.perform()
        #expect(play.mapping.isClosed)
        #expect(play.gateway.mapped.isEmpty)
    }

    @Test func endsWithoutTheGateway() {
        var play = Play()
        play.gateway.knowsPCP = true
        play.wait(.seconds(30))
        play.gateway.knowsPCP = false
        play.mapping.close(now: play.now)
        play.wait(.seconds(3))
        #expect(play.mapping.isClosed)
        var other = Play()
        other.wait(.seconds(1))
        other.mapping.close(now: other.now)
        #expect(other.mapping.isClosed)
    }

    @Test func opensAPortOfAnIPv6FirewallByPCPAlone() {
        let host: [UInt8] = [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 1, count: 12)
        var play = Play(clientHost: host)
        play.gateway.knowsUPnP = true
        play.gateway.knowsNATPMP = true
        play.wait(.seconds(30))
        #expect(play.reports.count == 1)
        play.gateway.knowsPCP = true
        play.wait(.seconds(200))
        #expect(play.reports.last == Self.mapped(.pcp))
    }
}

@Suite struct GatewayEpochTests {
    @Test(
        arguments: [
            (100, 200.0, 300, false), (100, 200, 299, false), (100, 200, 1, true),
            (100, 7200, 7300, false), (100, 7200, 6900, false), (100, 7200, 5000, true),
            (100, 10, 1000, true), (0, 600, 600, false),
        ] as [(UInt32, Double, UInt32, Bool)]
    )
    func comparesTheClocks(first: UInt32, seconds: Double, second: UInt32, isNew: Bool) {
        var epoch = GatewayEpoch()
        let start = ContinuousClock.now
        let isFirstNew = epoch.isNew(first, now: start)
        #expect(!isFirstNew)
        let isSecondNew = epoch.isNew(second, now: start + .seconds(seconds))
        #expect(isSecondNew == isNew)
    }
}
