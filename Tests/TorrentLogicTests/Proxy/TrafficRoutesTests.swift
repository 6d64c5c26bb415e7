import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct TrafficRoutesTests {
    typealias Traffic = TrafficRoutes.Traffic

    @Test func withoutAProxyEverythingIsDirect() {
        for allowsLeaks in [false, true] {
            let routes = TrafficRoutes(through: nil, allowsLeaks: allowsLeaks)
            for traffic in Traffic.allCases { #expect(routes.route(of: traffic) == .direct) }
        }
    }

    @Test(arguments: ProxyProtocol.allCases)
    func withAProxyNothingGoesAroundIt(proxy: ProxyProtocol) {
        let routes = TrafficRoutes(through: proxy, allowsLeaks: false)
        // A relay of datagrams is a matter of SOCKS5.
        let datagrams = proxy == .socks5 ? TrafficRoutes.Route.proxied : .off
        let expected: [(Traffic, TrafficRoutes.Route)] = [
            (.peers, .proxied), (.web, .proxied), (.nameLookups, .off), (.udpTrackers, datagrams),
            (.dht, datagrams), (.microTransport, datagrams), (.localDiscovery, .off),
            (.incomingPeers, .off), (.portMapping, .off),
        ]
        #expect(expected.map(\.0) == Traffic.allCases)
        for (traffic, route) in expected { #expect(routes.route(of: traffic) == route) }
    }

    @Test func leaksThatAreAllowedAreDirectAndConnectionsAreNot() {
        let routes = TrafficRoutes(through: .socks5, allowsLeaks: true)
        for traffic in Traffic.allCases {
            let isCarried = traffic == .peers || traffic == .web
            #expect(routes.route(of: traffic) == (isCarried ? .proxied : .direct))
        }
    }

    @Test func onlyThisMachineIsReachedWithoutIt() throws {
        let routes = TrafficRoutes(through: .http, allowsLeaks: true)
        for (text, goesAround) in [
            ("127.0.0.1:1", true), ("[::1]:1", true), ("10.0.0.1:1", false), ("8.8.8.8:1", false),
        ] {
            #expect(routes.goesAround(try #require(PeerAddress(text))) == goesAround)
        }
    }
}
