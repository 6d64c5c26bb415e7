import TestSupport
import Testing

@testable import BitTorrentProtocol

@Suite struct MagnetLinkTests {
    static let hex = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
    static let base32 = "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"
    static let version2 = "1220" + String(repeating: "ab", count: 32)

    static let full =
        "magnet:?xt=urn:btih:\(hex)&xt=urn:btmh:\(version2)&dn=A+%26+b%C3%A9&tr=udp%3A%2F%2Ft.example%3A80"
        + "&tr=http%3A%2F%2Ft.example%2Fannounce%3Fa%3D1%26b%3D2&ws=http%3A%2F%2Fw.example%2F"
        + "&xs=http%3A%2F%2Fx.example%2Ft&as=http%3A%2F%2Fa.example%2Ft&x.pe=1.2.3.4:5"
        + "&x.pe=[2001:db8::1]:6&x.pe=peer.example:7&so=0,2,4-6,5-8"

    @Test func readsEveryParameter() throws {
        let link = try MagnetLink(Self.full)
        #expect(link.infoHash?.hex == Self.hex)
        #expect(link.version2Hash?.bytes == [UInt8](repeating: 0xab, count: 32))
        #expect(link.displayName == "A & b\u{e9}")
        #expect(
            link.trackers == ["udp://t.example:80", "http://t.example/announce?a=1&b=2"]
        )
        #expect(link.webSeeds == ["http://w.example/"])
        #expect(link.exactSources == ["http://x.example/t"])
        #expect(link.acceptableSources == ["http://a.example/t"])
        #expect(link.peers.map(\.description) == ["1.2.3.4:5", "[2001:db8::1]:6"])
        #expect(link.namedPeers.map(\.hostName) == ["peer.example"])
        #expect(link.selectedFiles == [0...0, 2...2, 4...8])
        #expect(link.swarmHashes.all.count == 2)
        #expect(link.swarmHashes.version2?.bytes == [UInt8](repeating: 0xab, count: 20))
    }

    @Test func readsBase32InEitherCase() throws {
        for digits in [Self.base32, Self.base32.lowercased()] {
            let link = try MagnetLink("MAGNET:?xt=urn:btih:\(digits)")
            #expect(link.infoHash?.hex == Self.hex)
        }
    }

    @Test func readsANumberedAndEscapedTopic() throws {
        let link = try MagnetLink(
            "magnet:?xt.1=urn%3Abtih%3A\(Self.hex.uppercased())&tr.7=http://a/"
        )
        #expect(link.infoHash?.hex == Self.hex)
        #expect(link.trackers == ["http://a/"])
    }

    @Test func writesWhatItReads() throws {
        let link = try MagnetLink(Self.full)
        #expect(try MagnetLink(link.description) == link)
    }

    @Test(arguments: [
        ("http://a/", MagnetError.notMagnet),
        ("magnet:", .notMagnet),
        ("magnet:?", .missingInfoHash),
        ("magnet:?dn=a", .missingInfoHash),
        ("magnet:?xt=urn:sha1:abc", .missingInfoHash),
        ("magnet:?xt=urn:btih:abc", .malformedInfoHash("abc")),
        ("magnet:?xt=urn:btih:", .malformedInfoHash("")),
        ("magnet:?xt=urn:btmh:1120abab", .malformedInfoHash("1120abab")),
        ("magnet:?xt=urn:btih:\(hex)&dn=%4", .malformedEscape(parameter: "dn")),
        ("magnet:?xt=urn:btih:\(hex)&tr=%zz", .malformedEscape(parameter: "tr")),
        ("magnet:?xt=urn:btih:\(hex)&so=1,", .malformedSelection),
        ("magnet:?xt=urn:btih:\(hex)&so=5-4", .malformedSelection),
        ("magnet:?xt=urn:btih:\(hex)&so=1-2-3", .malformedSelection),
        ("magnet:?xt=urn:btih:\(hex)&so=99999999999999999999", .malformedSelection),
        (
            "magnet:?xt=urn:btih:\(hex)&xt=urn:btih:\(String(repeating: "0", count: 40))",
            .conflictingInfoHashes
        ),
    ])
    func refuses(text: String, error: MagnetError) {
        #expect(throws: error) { try MagnetLink(text) }
        #expect(!error.description.isEmpty)
    }

    @Test func refusesALinkThatIsTooLong() {
        let text = Self.full + String(repeating: "a", count: MagnetLink.maximumByteCount)
        #expect(throws: MagnetError.tooLong(byteCount: text.utf8.count)) { try MagnetLink(text) }
    }

    @Test func boundsTheEntriesOfEachKind() throws {
        var text = "magnet:?xt=urn:btih:\(Self.hex)"
        for number in 1...1000 { text += "&tr=udp://t:\(number)&x.pe=1.1.1.1:\(number)" }
        let link = try MagnetLink(text)
        #expect(link.trackers.count == MagnetLink.maximumEntryCount)
        #expect(link.peers.count == MagnetLink.maximumEntryCount)
    }

    @Test func leavesOutWhatCouldInjectALineOrDialNothing() throws {
        let link = try MagnetLink(
            "magnet:?xt=urn:btih:\(Self.hex)&tr=http://a/%0d%0aHost:b&tr=http://a/%20b"
                + "&x.pe=1.2.3.4:0&x.pe=1.2.3.4.5:6&x.pe=a%20b:6&x.pe=:6&x.pe=host&tr=&tr"
        )
        #expect(link.trackers.isEmpty)
        #expect(link.peers.isEmpty && link.namedPeers.isEmpty)
    }

    @Test func survivesEveryTruncation() {
        for count in 0..<Self.full.utf8.count {
            let text = String(decoding: Array(Self.full.utf8).prefix(count), as: UTF8.self)
            guard let link = try? MagnetLink(text) else { continue }
            #expect(throws: Never.self) { try MagnetLink(link.description) }
        }
    }

    @Test func whateverItAcceptsItWritesAndReadsBack() {
        var mutator = Mutator(seed: 9)
        let alphabet = Array("%&=.:?+,-019af[]xtrso".utf8)
        var accepted = 0
        for _ in 0..<50_000 {
            let bytes = mutator.mutate(Array(Self.full.utf8), alphabet: alphabet)
            guard let link = try? MagnetLink(String(decoding: bytes, as: UTF8.self)) else {
                continue
            }
            accepted += 1
            if (try? MagnetLink(link.description)) != link {
                Issue.record("\(link.description)")
                return
            }
        }
        #expect(accepted > 10_000)
    }
}
