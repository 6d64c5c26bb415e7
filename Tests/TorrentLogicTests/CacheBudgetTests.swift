import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct CacheBudgetTests {
    static let mebibyte: UInt64 = 1 << 20

    func owner(_ number: UInt8) throws -> InfoHash {
        try #require(InfoHash(bytes: [UInt8](repeating: number, count: 20)))
    }

    /// Torrents 1, 2, … of 10 MiB each, the first of which was read longest ago.
    func budget(limit: UInt64?, torrents: Int) throws -> CacheBudget {
        var budget = CacheBudget(limit: limit)
        for number in 1...UInt8(torrents) {
            budget.add(10 * Self.mebibyte, to: try owner(number))
            budget.queue(try owner(number), at: UInt32(number) * 100)
        }
        return budget
    }

    /// Nobody has to give anything up.
    func isEven(_ budget: inout CacheBudget) -> Bool { budget.next(at: 2000) == nil }

    func next(_ budget: inout CacheBudget) throws -> CacheBudget.Candidate {
        let candidate = budget.next(at: 2000)
        return try #require(candidate)
    }

    @Test func withoutALimitNobodyGivesAnythingUp() throws {
        var budget = try budget(limit: nil, torrents: 3)
        #expect(isEven(&budget))
        #expect(budget.admits(1 << 50, of: try owner(1)))
    }

    @Test func theTorrentThatWasReadLongestAgoIsFirst() throws {
        var budget = try budget(limit: 32 * Self.mebibyte, torrents: 3)
        #expect(budget.excess == 0 && isEven(&budget))
        budget.reserve(4 * Self.mebibyte, for: try owner(9))
        #expect(budget.excess == 2 * Self.mebibyte)
        let candidate = try next(&budget)
        #expect(try candidate.owner == owner(1))
        #expect(candidate.moment == 100 && candidate.until == 200)
        // Somewhat more than what is needed.
        #expect(candidate.byteCount == 3 * Self.mebibyte)
        budget.began(candidate, candidate.byteCount)
        #expect(isEven(&budget))
        budget.ended(candidate.owner, promised: 3 * Self.mebibyte, freed: 3 * Self.mebibyte)
        #expect(budget.held(by: candidate.owner) == 7 * Self.mebibyte)
        #expect(isEven(&budget))
    }

    @Test func whoseOldestPieceWasReadMeanwhileGoesBackInTheOrder() throws {
        var budget = try budget(limit: 25 * Self.mebibyte, torrents: 3)
        let first = try next(&budget)
        budget.queue(first.owner, at: 250)
        #expect(try next(&budget).owner == owner(2))
    }

    @Test func pinnedTorrentsGiveNothingUp() throws {
        var budget = try budget(limit: 25 * Self.mebibyte, torrents: 3)
        budget.setPinned(true, try owner(1))
        #expect(budget.pinned == 10 * Self.mebibyte)
        budget.add(Self.mebibyte, to: try owner(1))
        #expect(budget.pinned == 11 * Self.mebibyte)
        #expect(budget.admits(100 * Self.mebibyte, of: try owner(1)))
        #expect(try next(&budget).owner == owner(2))
        budget.setPinned(false, try owner(1))
        budget.queue(try owner(1), at: 100)
        #expect(try next(&budget).owner == owner(1))
    }

    @Test func aQuotaIsKeptThoughTheCacheHasRoom() throws {
        var budget = try budget(limit: 100 * Self.mebibyte, torrents: 3)
        let films = CacheBudget.Group("films")
        budget.setQuotas([films: 15 * Self.mebibyte])
        budget.move(try owner(3), to: films)
        #expect(isEven(&budget))
        budget.move(try owner(2), to: films)
        let candidate = try next(&budget)
        #expect(try candidate.owner == owner(2))
        budget.began(candidate, candidate.byteCount)
        budget.ended(candidate.owner, promised: candidate.byteCount, freed: candidate.byteCount)
        #expect(isEven(&budget))
        #expect(budget.admits(Self.mebibyte, of: try owner(2)))
        budget.add(CacheBudget.slack, to: try owner(2))
        #expect(!budget.admits(Self.mebibyte, of: try owner(2)))
        #expect(budget.admits(Self.mebibyte, of: try owner(1)))
    }

    @Test func aQuotaTakesTurnsAmongItsOwnTorrents() throws {
        var budget = try budget(limit: nil, torrents: 3)
        let films = CacheBudget.Group("films")
        budget.move(try owner(2), to: films)
        budget.move(try owner(3), to: films)
        budget.setQuotas([films: 15 * Self.mebibyte])
        #expect(budget.limit(of: try owner(1)) == nil)
        #expect(budget.limit(of: try owner(2)) == 15 * Self.mebibyte)
        let candidate = try next(&budget)
        // Not that of the first torrent, which is older and in no group.
        #expect(try candidate.owner == owner(2) && candidate.moment == 200)
        #expect(candidate.until == 300)
    }

    @Test func whatMovesKeepsItsPlaceInTheOrder() throws {
        var budget = try budget(limit: 25 * Self.mebibyte, torrents: 3)
        let films = CacheBudget.Group("films")
        for owner in [try owner(2), try owner(1)] {
            budget.move(owner, to: films)
            budget.move(owner, to: .none)
        }
        var order: [InfoHash] = []
        while let candidate = budget.next(at: 2000) { order.append(candidate.owner) }
        #expect(try order == [owner(1), owner(2), owner(3)])
    }

    @Test func whatIsPinnedInPartIsKeptAndTheRestGivenUp() throws {
        var budget = try budget(limit: 25 * Self.mebibyte, torrents: 3)
        budget.setPinnedPart(4 * Self.mebibyte, of: try owner(1))
        #expect(budget.pinned == 4 * Self.mebibyte)
        #expect(try next(&budget).owner == owner(1))
        budget.queue(try owner(1), at: 100)
        budget.add(Self.mebibyte, to: try owner(1), isPinned: true)
        budget.add(Self.mebibyte, to: try owner(1))
        #expect(budget.pinned == 5 * Self.mebibyte)
        budget.remove(7 * Self.mebibyte, from: try owner(1))
        #expect(budget.pinned == 5 * Self.mebibyte)
        budget.add(Self.mebibyte, to: try owner(2))
        #expect(try next(&budget).owner == owner(2))
        budget.add(CacheBudget.slack, to: try owner(2))
        #expect(!budget.admits(Self.mebibyte, of: try owner(1)))
        #expect(budget.admits(Self.mebibyte, of: try owner(1), isPinned: true))
        budget.setPinnedPart(0, of: try owner(1))
        #expect(budget.pinned == 0)
    }

    @Test func pinsThatLeaveNoRoomAreSeen() throws {
        var budget = try budget(limit: 25 * Self.mebibyte, torrents: 3)
        let films = CacheBudget.Group("films")
        #expect(budget.overpinned.isEmpty)
        budget.setPinned(true, try owner(3))
        budget.setQuotas([films: 9 * Self.mebibyte])
        budget.move(try owner(3), to: films)
        #expect(budget.overpinned.map(\.group) == [films])
        budget.setPinned(true, try owner(2))
        budget.setPinnedPart(6 * Self.mebibyte, of: try owner(1))
        #expect(Set(budget.overpinned.map(\.group)) == [films, nil])
        budget.forget(try owner(3))
        #expect(budget.overpinned.isEmpty && budget.pinned == 16 * Self.mebibyte)
    }

    @Test func onlyAWindowIsAdmittedBeyondTheLimit() throws {
        let budget = try budget(limit: 30 * Self.mebibyte, torrents: 3)
        #expect(budget.admits(Self.mebibyte, of: try owner(1)))
        var over = budget
        over.add(CacheBudget.slack, to: try owner(1))
        #expect(!over.admits(1, of: try owner(2)))
    }

    @Test func whoHasNothingToGiveIsNotAskedOverAndOver() throws {
        var budget = try budget(limit: 25 * Self.mebibyte, torrents: 3)
        var asked = 0
        while let candidate = budget.next(at: 2000) {
            asked += 1
            budget.began(candidate, candidate.byteCount)
            budget.ended(candidate.owner, promised: candidate.byteCount, freed: 0)
            budget.queue(candidate.owner, at: 1000)
            #expect(asked < 100)
        }
        #expect(asked >= 3)
        // Something changes, and they are asked again; or time passes.
        budget.reserve(1, for: try owner(1))
        while let candidate = budget.next(at: 2000) {
            budget.began(candidate, 0)
            budget.queue(candidate.owner, at: 1000)
        }
        let later = budget.next(at: 2002)
        #expect(later != nil)
    }

    @Test func aTorrentThatIsGoneHoldsNothing() throws {
        var budget = try budget(limit: 15 * Self.mebibyte, torrents: 3)
        budget.reserve(100, for: try owner(1))
        budget.forget(try owner(1))
        #expect(budget.held == 20 * Self.mebibyte && budget.reserved == 0)
        #expect(try next(&budget).owner == owner(2))
    }

    @Test func whatIsFreedIsNeverMoreThanWhatIsHeld() throws {
        var budget = try budget(limit: nil, torrents: 1)
        budget.remove(1 << 40, from: try owner(1))
        #expect(budget.held == 0)
    }
}
