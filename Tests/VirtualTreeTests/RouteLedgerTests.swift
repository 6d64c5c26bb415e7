import BitTorrentProtocol
import StateStore
import Testing
import VirtualTree

@Suite struct RouteLedgerTests {
    typealias Time = FileAttributes.Timestamp
    let films = Array("films".utf8)
    let music = Array("music".utf8)

    func member(_ number: UInt8, _ name: String) -> RouteLedger.Member {
        RouteLedger.Member(infoHash: infoHash(number), name: Array(name.utf8))
    }

    func emptyLedger() -> RouteLedger {
        RouteLedger(routes: [], entries: [], now: Time(seconds: 100))
    }

    @Test func cookiesFollowFromTheEntriesInWhateverOrderTheyCome() {
        func cookies(_ shown: [[(route: [UInt8], members: [RouteLedger.Member])]]) -> [UInt32?] {
            var ledger = emptyLedger()
            for wanted in shown { _ = ledger.show(wanted, now: Time(seconds: 101)) }
            return (1...3).map { ledger.entry(infoHash($0), in: films)?.cookie }
                + [films, music].map { ledger.route($0)?.cookie }
        }
        let all = [member(1, "a"), member(2, "b"), member(3, "c")]
        let first = cookies([[(films, all), (music, [])]])
        #expect(Set(first).count == 5 && first.allSatisfy { (3..<1 << 31).contains($0 ?? 0) })
        #expect(
            cookies([
                [(music, [member(9, "z")])], [(music, []), (films, [all[2]])],
                [(music, []), (films, [all[1], all[0], all[2]])],
            ]) == first
        )
    }

    @Test func aCookieThatIsTakenIsNeverGivenAgain() throws {
        var ledger = emptyLedger()
        let changes = ledger.show([(films, [member(1, "a")])], now: Time(seconds: 101))
        let taken = try #require(changes.entries.first)
        let other = RouteEntryRecord(
            route: films,
            infoHash: infoHash(2),
            cookie: taken.cookie,
            name: Array("b".utf8),
            added: 7,
            isShown: false
        )
        var again = RouteLedger(routes: changes.routes, entries: [other], now: Time(seconds: 102))
        _ = again.show([(films, [member(1, "a")])], now: Time(seconds: 103))
        #expect(again.entry(infoHash(2), in: films)?.cookie == taken.cookie)
        #expect(again.entry(infoHash(1), in: films)?.cookie != taken.cookie)
    }

    @Test func keepsTheCookieAndTheTimeOfWhatComesBack() {
        var ledger = emptyLedger()
        _ = ledger.show([(films, [member(1, "a"), member(2, "b")])], now: Time(seconds: 101))
        let before = ledger.entry(infoHash(2), in: films)?.cookie
        _ = ledger.show([(films, [])], now: Time(seconds: 102))
        _ = ledger.show([(films, [member(3, "c"), member(2, "b")])], now: Time(seconds: 103))
        #expect(ledger.entry(infoHash(2), in: films)?.cookie == before)
        #expect(ledger.entry(infoHash(2), in: films)?.added == 101)
    }

    @Test func theEarlierTorrentKeepsThePlainName() {
        var ledger = emptyLedger()
        _ = ledger.show([(films, [member(2, "x.mkv")])], now: Time(seconds: 101))
        _ = ledger.show(
            [(films, [member(1, "x.mkv"), member(2, "x.mkv")])],
            now: Time(seconds: 102)
        )
        #expect(ledger.entry(infoHash(2), in: films)?.name == Array("x.mkv".utf8))
        #expect(ledger.entry(infoHash(1), in: films)?.name == Array("x (01010101).mkv".utf8))
    }

    @Test func aVersionTakesTheNameOfTheOneBefore() throws {
        func version(_ number: UInt8) -> RouteLedger.Member {
            .init(infoHash: infoHash(number), name: Array("x".utf8), isVersion: true)
        }
        func name(_ number: UInt8, _ ledger: RouteLedger) -> String? {
            ledger.entry(infoHash(number), in: films).map {
                String(decoding: $0.name, as: UTF8.self)
            }
        }
        var ledger = emptyLedger()
        let first = ledger.show([(films, [version(1)])], now: Time(seconds: 101))
        var entries = first.entries
        for number: UInt8 in [2, 1, 2] {
            let changes = ledger.show([(films, [version(number)])], now: Time(seconds: 102))
            #expect(name(number, ledger) == "x")
            let mark = String(repeating: "0\(3 - number)", count: 4)
            #expect([nil, "x (\(mark))"].contains(name(3 - number, ledger)))
            entries += changes.entries
        }
        // The records say the same, the last of each torrent counting, as it does in the database.
        let last = Dictionary(entries.map { ($0.infoHash, $0) }) { $1 }
        var again = RouteLedger(
            routes: first.routes,
            entries: Array(last.values),
            now: Time(seconds: 900)
        )
        #expect(name(2, again) == "x" && name(1, again) == "x (01010101)")
        // What is shown keeps its name.
        _ = again.show([(films, [version(2), version(3)])], now: Time(seconds: 901))
        #expect(name(2, again) == "x" && name(3, again) == "x (03030303)")
    }

    @Test func timesMoveExactlyWhenEntriesChange() throws {
        var ledger = emptyLedger()
        func times() -> [Time?] { [ledger.rootModified, ledger.route(films)?.modified] }
        _ = ledger.show([(films, [member(1, "a")])], now: Time(seconds: 101))
        let first = times()
        #expect(ledger.show([(films, [member(1, "a")])], now: Time(seconds: 200)).isEmpty)
        #expect(times() == first)
        _ = ledger.show([(films, [])], now: Time(seconds: 201))
        #expect(times() == [first[0], Time(seconds: 201)])
        _ = ledger.show([(films, []), (music, [])], now: Time(seconds: 202))
        #expect(times() == [Time(seconds: 202), Time(seconds: 201)])
    }

    @Test func timesMoveEvenIfTheClockDoesNot() {
        var ledger = emptyLedger()
        _ = ledger.show(
            [(films, [member(1, "a")])],
            now: Time(seconds: 101, nanoseconds: 999_999_999)
        )
        _ = ledger.show([(films, [])], now: Time(seconds: 5))
        #expect(ledger.route(films)?.modified == Time(seconds: 102, nanoseconds: 1))
        _ = ledger.show([(films, [member(1, "a")])], now: Time(seconds: 5))
        #expect(ledger.route(films)?.modified == Time(seconds: 102, nanoseconds: 2))
    }

    @Test func comesBackFromItsRecordsUnchanged() {
        var ledger = emptyLedger()
        let wanted = [
            (route: films, members: [member(1, "a"), member(2, "a")]), (route: music, members: []),
        ]
        let changes = ledger.show(wanted, now: Time(seconds: 101))
        var again = RouteLedger(
            routes: changes.routes,
            entries: changes.entries,
            now: Time(seconds: 900)
        )
        #expect(again.show(wanted, now: Time(seconds: 901)).isEmpty)
        #expect(again.rootModified == ledger.rootModified)
        #expect(again.entry(infoHash(2), in: films) == ledger.entry(infoHash(2), in: films))
        #expect(again.route(music) == ledger.route(music))
    }

    @Test func whatWentAwayWhileTheProgramStoodStillMovesTheTime() {
        var ledger = emptyLedger()
        let changes = ledger.show([(films, [member(1, "a")])], now: Time(seconds: 101))
        var again = RouteLedger(
            routes: changes.routes,
            entries: changes.entries,
            now: Time(seconds: 900)
        )
        let later = again.show([(films, [])], now: Time(seconds: 901))
        #expect(later.entries.map(\.isShown) == [false])
        #expect(again.route(films)?.modified == Time(seconds: 901))
    }

    @Test func countsATorrentOnceInARoute() {
        var ledger = emptyLedger()
        let changes = ledger.show(
            [(films, [member(1, "a"), member(1, "a")]), (films, [])],
            now: Time(seconds: 101)
        )
        #expect(changes.entries.count == 1)
    }
}
