import BitTorrentProtocol
import Testing

@Suite struct PeerAddressTests {
    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:db8::1", "2001:db8::1"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("fe80::0", "fe80::"),
        ("::ffff:1.2.3.4", "1.2.3.4"), ("::ffff:102:304", "1.2.3.4"),
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ])
    func readsNumericHosts(text: String, canonical: String) throws {
        let address = try #require(PeerAddress(numericHost: text, port: 6881))
        #expect(address.hostText == canonical)
        #expect(PeerAddress(address.description) == address)
        #expect(PeerAddress(compact: address.compact) == address)
        #expect(PeerAddress(host: address.host, port: 6881) == address)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", "+1.2.3.4",
        "example.org", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::",
        "g::",
        "::1%eth0", "[::1]", "1.2.3.4::", "::1.2.3", "1:2:3:4:5:6:7::8:9", "1:2:3:4:5:6:7:1.2.3.4",
        "+1::", "::1:", ":1::", "１.2.3.4",
    ])
    func refusesWhatIsNoNumericHost(text: String) {
        #expect(PeerAddress(numericHost: text, port: 1) == nil)
    }

    @Test(arguments: [
        "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:+1", "::1:5", "[1.2.3.4]:5",
        "[::1]", "[::1]5", "]:5", ":5", "1.2.3.4:01",
    ])
    func refusesWhatIsNoAddress(text: String) {
        #expect(PeerAddress(text) == nil)
    }

    @Test func writesThePort() {
        #expect(PeerAddress(host: [1, 2, 3, 4], port: 5)?.description == "1.2.3.4:5")
        #expect(PeerAddress(numericHost: "::1", port: 65535)?.description == "[::1]:65535")
    }

    @Test func treatsAMappedAddressAsIPv4() throws {
        let mapped = try #require(
            PeerAddress(host: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 9, 8, 7, 6], port: 1)
        )
        #expect(mapped == PeerAddress(host: [9, 8, 7, 6], port: 1))
        #expect(mapped.host == [9, 8, 7, 6])
        #expect(!mapped.isIPv6)
    }

    @Test func refusesPortZeroAndOtherLengths() {
        #expect(PeerAddress(host: [1, 2, 3, 4], port: 0) == nil)
        #expect(PeerAddress(host: [1, 2, 3], port: 1) == nil)
        #expect(PeerAddress(compact: [1, 2, 3, 4, 0, 0]) == nil)
        #expect(PeerAddress(compact: [1, 2, 3, 4, 0]) == nil)
    }

    @Test func readsCompactLists() {
        let list: [UInt8] = [1, 2, 3, 4, 0x1a, 0xe1, 5, 6, 7, 8, 0, 0, 9, 9, 9, 9, 0, 1]
        let peers = PeerAddress.list(compact: list[...], stride: 6)
        #expect(peers?.map(\.description) == ["1.2.3.4:6881", "9.9.9.9:1"])
        #expect(PeerAddress.list(compact: list.dropLast(), stride: 6) == nil)
        #expect(PeerAddress.list(compact: [], stride: 18) == [])
        #expect(PeerAddress.list(compact: list[...], stride: 6, maximumCount: 1)?.count == 1)
    }

    @Test(arguments: [
        ("127.0.0.1", true, false, false, false), ("::1", true, false, false, false),
        ("169.254.1.1", false, true, false, false), ("fe80::1", false, true, false, false),
        ("febf::1", false, true, false, false), ("fec0::1", false, false, false, false),
        ("0.0.0.0", false, false, true, false), ("0.1.2.3", false, false, true, false),
        ("::", false, false, true, false), ("224.0.0.1", false, false, false, true),
        ("239.1.1.1", false, false, false, true), ("255.255.255.255", false, false, false, true),
        ("ff02::1", false, false, false, true), ("8.8.8.8", false, false, false, false),
        ("2001:db8::1", false, false, false, false),
        ("::ffff:127.0.0.1", true, false, false, false),
    ])
    func knowsKinds(
        text: String,
        loopback: Bool,
        linkLocal: Bool,
        unspecified: Bool,
        multicast: Bool
    ) throws {
        let address = try #require(PeerAddress(numericHost: text, port: 1))
        #expect(address.isLoopback == loopback)
        #expect(address.isLinkLocal == linkLocal)
        #expect(address.isUnspecified == unspecified)
        #expect(address.isMulticast == multicast)
    }

    @Test(arguments: [
        ("10.0.0.1", true), ("172.16.0.1", true), ("172.31.255.255", true), ("172.32.0.1", false),
        ("192.168.3.4", true), ("192.169.0.1", false), ("100.64.0.1", true), ("100.127.0.1", true),
        ("100.128.0.1", false), ("fd00::1", true), ("fc00::1", true), ("fe00::1", false),
    ])
    func knowsPrivateRanges(text: String, isPrivate: Bool) throws {
        #expect(try #require(PeerAddress(numericHost: text, port: 1)).isPrivate == isPrivate)
    }
}
