import BitTorrentProtocol
import TestSupport
import Testing

@testable import TorrentLogic

@Suite struct IPFilterTests {
    func filter(_ text: String) throws -> IPFilter {
        try IPFilter(parsing: Array(text.utf8), file: "list")
    }
    func peer(_ host: String) throws -> PeerAddress {
        try #require(PeerAddress(numericHost: host, port: 6881))
    }
    func problems(_ text: String) -> [String] {
        do throws(IPFilterError) {
            _ = try IPFilter(parsing: Array(text.utf8), file: "list")
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }

    @Test(arguments: [
        "Some: name, of/it - all:1.2.3.0-1.2.3.255",
        "001.002.003.000 - 001.002.003.255 , 000 , Some organisation",
        "1.2.3.0 - 1.2.3.255 , 127",
        "1.2.3.0-1.2.3.255",
        "1.2.3.0/24",
        "  1.2.3.9/24\r",
        "1.2.3.0/25\n1.2.3.128/25",
        "# a comment\n\n; another\n// and one\n1.2.3.0/24\n",
    ])
    func readsEveryCommonForm(text: String) throws {
        let filter = try filter(text)
        #expect(filter.rangeCount == 1)
        for (host, isIn) in [
            ("1.2.2.255", false), ("1.2.3.0", true), ("1.2.3.77", true), ("1.2.3.255", true),
            ("1.2.4.0", false), ("::1", false),
        ] {
            #expect(filter.contains(try peer(host)) == isIn, "\(host)")
        }
    }

    @Test(arguments: [
        "2001:db8::/32", "2001:db8:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::/33\n2001:db8:8000::/33",
    ])
    func readsIPv6(text: String) throws {
        let filter = try filter(text)
        #expect(filter.rangeCount == 1)
        for (host, isIn) in [
            ("2001:db7:ffff::1", false), ("2001:db8::", true), ("2001:db8:ffff::1", true),
            ("2001:db9::", false), ("1.2.3.4", false),
        ] {
            #expect(filter.contains(try peer(host)) == isIn, "\(host)")
        }
    }

    @Test func singleAddressesAndTheEndsOfBothSpaces() throws {
        let filter = try filter("9.9.9.9\n0.0.0.0/8\n255.255.255.255\n::5\nffff::/16")
        #expect(filter.rangeCount == 5)
        for host in ["9.9.9.9", "0.1.2.3", "255.255.255.255", "::5", "ffff:1::2"] {
            #expect(filter.contains(try peer(host)), "\(host)")
        }
        #expect(!filter.contains(try peer("9.9.9.8")))
        #expect(!filter.contains(try peer("::4")))
    }

    @Test func aRangeWithAHighLevelIsAllowed() throws {
        #expect(try filter("1.2.3.0 - 1.2.3.255 , 128 , a friend").rangeCount == 0)
    }

    @Test func aMappedAddressIsTheIPv4One() throws {
        #expect(try filter("1.2.3.4").contains(peer("::ffff:1.2.3.4")))
    }

    @Test func namesEveryLineThatCannotBeRead() {
        let found = problems(
            "1.2.3.0/24\nnonsense\n1.2.3.4-1.2.3.3\n1.2.3.4-::1\n1.2.3.0/33\n300.1.1.1\nname:\n"
        )
        #expect(found.map { $0.prefix(6) } == [2, 3, 4, 5, 6, 7].map { "list:\($0)" })
        #expect(found[1].contains("ends before it begins"))
        #expect(found[3].contains("32 bits"))
    }

    @Test func overlappingRangesBecomeOne() throws {
        let filter = try filter("1.0.0.0-1.0.0.9\n1.0.0.5-1.0.0.20\n1.0.0.21\n1.0.0.2-1.0.0.3")
        #expect(filter.rangeCount == 1)
        #expect(filter.contains(try peer("1.0.0.21")))
        #expect(!filter.contains(try peer("1.0.0.22")))
    }

    @Test func aMillionRangesTakeLittleMemory() throws {
        var ipv4: [IPFilter.Range<UInt32>] = []
        var ipv6: [IPFilter.Range<IPFilter.IPv6>] = []
        for number in 0..<1_000_000 {
            let first = UInt32(number) * 4
            ipv4.append(.init(first: first, last: first + 1))
            let address = IPFilter.IPv6(high: UInt64(number) * 4, low: 0)
            ipv6.append(.init(first: address, last: address))
        }
        #expect(IPFilter(ipv4: ipv4, ipv6: []).byteCount < 9 << 20)
        #expect(IPFilter(ipv4: [], ipv6: ipv6).byteCount < 32 << 20)
    }

    @Test func survivesAnyBytes() {
        let samples = [
            "name:1.2.3.0-1.2.3.255", "001.002.003.000 - 001.002.003.255 , 000 , x",
            "2001:db8::/32\n::1-::2", "1.2.3.4/8",
        ].map { Array($0.utf8) }
        var mutator = Mutator(seed: 7)
        for _ in 0..<20_000 {
            let sample = samples[Int.random(in: 0..<samples.count, using: &mutator)]
            _ = try? IPFilter(parsing: mutator.mutate(sample), file: "list")
        }
    }
}
