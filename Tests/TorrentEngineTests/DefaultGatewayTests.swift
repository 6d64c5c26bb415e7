import BitTorrentProtocol
import Testing
import TorrentLogic

@testable import TorrentEngine

@Suite struct DefaultGatewayTests {
    static let ipv4Routes = """
        Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
        eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
        wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
        eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
        vpn0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
        """

    static let ipv6Routes = """
        fd000000000000000000000000000000 40 00000000000000000000000000000000 00 \
        00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
        """

    @Test func takesTheDefaultRouteWithTheLeastMetric() {
        let gateway = DefaultGateway(ipv4Routes: Self.ipv4Routes)
        #expect(gateway?.interface == "eth0")
        #expect(gateway?.host == [192, 0, 2, 1])
    }

    @Test func takesTheRouteOfAnInterfaceOnly() {
        let gateway = DefaultGateway(ipv4Routes: Self.ipv4Routes, interface: "wlan0")
        #expect(gateway?.host == [192, 168, 1, 1])
        #expect(DefaultGateway(ipv4Routes: Self.ipv4Routes, interface: "vpn0") == nil)
        #expect(DefaultGateway(ipv6Routes: Self.ipv6Routes, interface: "lo") == nil)
    }

    @Test func readsIPv6Routes() {
        let gateway = DefaultGateway(ipv6Routes: Self.ipv6Routes)
        #expect(gateway?.interface == "eth0")
        #expect(gateway?.host == [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1])
    }

    @Test(arguments: [
        "", "\n\n", "eth0", "eth0 0 0 0 0 0 0 0", "x 0 zz 3 0 0 0 0", "é 0 1 3 0 0 -1 0",
    ])
    func findsNoneInAnythingElse(text: String) {
        #expect(DefaultGateway(ipv4Routes: text) == nil)
        #expect(DefaultGateway(ipv6Routes: text) == nil)
    }
}

@Suite struct PortMappingNoticeTests {
    private func notice() throws -> PortMappingNotice {
        PortMappingNotice(
            port: 6881,
            gateway: try #require(DefaultGateway(ipv4Routes: DefaultGatewayTests.ipv4Routes)),
            clientHost: [192, 0, 2, 9]
        )
    }

    @Test func saysWhereWeAreReached() throws {
        let text = try notice().text(
            .init(method: .upnp, host: [203, 0, 113, 7], ports: [.tcp: 6882, .udp: 6882])
        )
        #expect(
            text
                == "mapped port 6881 at the gateway 192.0.2.1 (UPnP), reachable as 203.0.113.7:6882"
        )
    }

    @Test func warnsOfASecondRouter() throws {
        let text = try notice().text(.init(method: .pcp, host: [10, 0, 0, 7], ports: [.tcp: 6881]))
        #expect(text.hasPrefix("mapped port 6881 at the gateway 192.0.2.1 (PCP, TCP alone), "))
        #expect(text.contains("behind another router"))
    }

    @Test func saysWhatToDoOtherwise() throws {
        let text = try notice().text([
            "PCP and NAT-PMP: no answer", "UPnP: no answer to the search",
        ])
        #expect(text.contains("(PCP and NAT-PMP: no answer; UPnP: no answer to the search)"))
        #expect(text.contains("forward TCP and UDP port 6881 to 192.0.2.9"))
    }
}

@Suite struct OwnAddressesTests {
    @Test func aMappedAddressIsNobodyElse() throws {
        let own = OwnAddresses()
        let filter = AddressFilter(allowsLoopback: false, own: own)
        let address = try #require(PeerAddress("203.0.113.7:6881"))
        #expect(filter.allows(address))
        own.set(address, isIPv6: false)
        #expect(!filter.allows(address))
        // Another peer behind the same router.
        #expect(filter.allows(try #require(address.withPort(6882))))
        own.set(nil, isIPv6: false)
        #expect(filter.allows(address))
    }
}
