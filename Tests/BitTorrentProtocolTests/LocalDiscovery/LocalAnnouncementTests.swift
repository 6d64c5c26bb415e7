import BitTorrentProtocol
import TestSupport
import Testing

@Suite struct LocalAnnouncementTests {
    private func hashes(_ count: Int) throws -> [InfoHash] {
        try (0..<count).map {
            try #require(InfoHash(bytes: [UInt8](repeating: UInt8($0 + 1), count: 20)))
        }
    }

    private func announcement(
        _ count: Int = 1,
        cookie: String? = "c0ffee"
    ) throws
        -> LocalAnnouncement
    {
        LocalAnnouncement(
            host: "239.192.152.143:6771",
            port: 6881,
            infoHashes: try hashes(count),
            cookie: cookie
        )
    }

    @Test func writesWhatTheStandardShows() throws {
        let text = """
            BT-SEARCH * HTTP/1.1\r
            Host: 239.192.152.143:6771\r
            Port: 6881\r
            Infohash: 0101010101010101010101010101010101010101\r
            cookie: c0ffee\r
            \r
            \r

            """
        #expect(String(decoding: try announcement().encode(), as: UTF8.self) == text)
    }

    @Test func eachFamilyHasItsGroup() throws {
        let ipv4 = try #require(LocalAnnouncement.group(isIPv6: false))
        let ipv6 = try #require(LocalAnnouncement.group(isIPv6: true))
        #expect("\(ipv4)" == "239.192.152.143:6771" && ipv4.isMulticast)
        #expect("\(ipv6)" == "[ff15::efc0:988f]:6771" && ipv6.isMulticast)
    }

    @Test(arguments: [1, 2, 20])
    func readsWhatItWrites(count: Int) throws {
        for cookie in ["c0ffee", nil] {
            let announcement = try announcement(count, cookie: cookie)
            let bytes = announcement.encode()
            #expect(bytes.count <= LocalAnnouncement.maximumByteCount)
            #expect(LocalAnnouncement(decoding: bytes) == announcement)
        }
    }

    @Test func namesNoMoreTorrentsThanFitAPacket() throws {
        let bytes = try announcement(30).encode()
        #expect(LocalAnnouncement(decoding: bytes)?.infoHashes == (try hashes(20)))
    }

    @Test func readsOtherSpellings() throws {
        let hash = String(repeating: "AB", count: 20)
        let text = "BT-SEARCH * HTTP/1.1\nhost:x\nPORT:\t7 \nX: y\nnonsense\nInfohash: \(hash)\n\n"
        let read = try #require(LocalAnnouncement(decoding: Array(text.utf8)))
        #expect(read.port == 7)
        #expect(read.infoHashes.map(\.hex) == [hash.lowercased()])
        #expect(read.cookie == nil)
    }

    @Test(arguments: [
        "", "BT-SEARCH * HTTP/1.1", "GET / HTTP/1.1\r\nPort: 1\r\nInfohash: HASH\r\n",
        "BT-SEARCH * HTTP/1.1\r\nPort: 0\r\nInfohash: HASH\r\n",
        "BT-SEARCH * HTTP/1.1\r\nPort: 70000\r\nInfohash: HASH\r\n",
        "BT-SEARCH * HTTP/1.1\r\nInfohash: HASH\r\n",
        "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: abc\r\n",
    ])
    func refusesWhatIsNone(text: String) {
        let whole = text.split(separator: "HASH", omittingEmptySubsequences: false)
            .joined(separator: String(repeating: "ab", count: 20))
        #expect(LocalAnnouncement(decoding: Array(whole.utf8)) == nil)
    }

    @Test func refusesALongPacket() throws {
        let bytes = try announcement().encode()
        #expect(LocalAnnouncement(decoding: bytes + [UInt8](repeating: 10, count: 1400)) == nil)
    }

    @Test func survivesDamageAndTruncation() throws {
        let bytes = try announcement(3).encode()
        for count in 0..<bytes.count { _ = LocalAnnouncement(decoding: Array(bytes.prefix(count))) }
        var mutator = Mutator(seed: 14)
        let alphabet = Array(" :\r\n0aPI*".utf8)
        for _ in 0..<5000 {
            let damaged = mutator.mutate(bytes, alphabet: alphabet)
            guard let read = LocalAnnouncement(decoding: damaged) else { continue }
            #expect(read.port != 0)
            #expect((1...20).contains(read.infoHashes.count))
        }
    }
}
