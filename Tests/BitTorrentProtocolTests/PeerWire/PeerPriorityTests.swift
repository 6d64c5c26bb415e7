import BitTorrentProtocol
import Testing

/// BEP 40 and the sets of BEP 6.
@Suite struct PeerPriorityTests {
    func priority(_ one: String, _ other: String, ports: (UInt16, UInt16) = (6881, 6881)) -> UInt32?
    {
        guard let first = PeerAddress(numericHost: one, port: ports.0),
            let second = PeerAddress(numericHost: other, port: ports.1)
        else { return nil }
        return PeerPriority(first, second).rawValue
    }

    @Test func isThatOfTheStandard() {
        #expect(priority("123.213.32.10", "98.76.54.32") == 0xec2d_7224)
        #expect(priority("123.213.32.10", "123.213.32.234") == 0x9956_8189)
    }

    @Test func isTheSameFromBothSides() {
        for (one, other) in [
            ("123.213.32.10", "98.76.54.32"), ("10.1.2.3", "10.1.9.9"),
            ("2001:db8::1", "2001:db9::1"),
            ("2001:db8::1", "2001:db8::2"), ("::1", "::1"),
        ] {
            #expect(
                priority(one, other, ports: (1, 2)) == priority(other, one, ports: (2, 1)),
                "\(one) \(other)"
            )
        }
    }

    @Test func addressesThatDifferInMaskedBitsAloneAreAlike() {
        #expect(priority("1.2.3.4", "9.8.7.6") == priority("1.2.1.4", "9.8.7.6"))
        #expect(priority("1.2.3.4", "9.8.7.6") != priority("1.2.2.4", "9.8.7.6"))
        #expect(
            priority("2001:db8:1::1", "2a00::1") == priority("2001:db8:1:aaaa::1", "2a00::1")
        )
    }

    @Test func neighboursDifferByPort() {
        #expect(
            priority("1.2.3.4", "1.2.3.4", ports: (1, 2))
                != priority("1.2.3.4", "1.2.3.4", ports: (1, 3))
        )
    }

    @Test func theAllowedFastSetIsThatOfTheStandard() throws {
        let infoHash = try #require(InfoHash(bytes: [UInt8](repeating: 0xaa, count: 20)))
        func set(_ count: Int) -> [UInt32] {
            AllowedFastSet.pieces(
                for: [80, 4, 4, 200],
                of: infoHash,
                pieceCount: 1313,
                count: count
            ).map(\.rawValue)
        }
        #expect(set(7) == [1059, 431, 808, 1217, 287, 376, 1188])
        #expect(set(9) == [1059, 431, 808, 1217, 287, 376, 1188, 353, 508])
    }

    @Test func theAllowedFastSetOfASmallTorrentIsAllOfIt() throws {
        let infoHash = try #require(InfoHash(bytes: [UInt8](repeating: 1, count: 20)))
        let set = AllowedFastSet.pieces(
            for: [UInt8](repeating: 1, count: 16),
            of: infoHash,
            pieceCount: 3,
            count: 10
        )
        #expect(set.map(\.rawValue) == [0, 1, 2])
    }
}
