import Testing
import TorrentLogic

@Suite struct HedgeBudgetTests {
    @Test func permitsAFortiethOfWhatArrivesAndAFewBlocksAtOnce() {
        var budget = HedgeBudget()
        var spent = 0
        for _ in 0..<10_000 {
            budget.received(16384)
            while budget.permitsMore {
                budget.spend(16384)
                spent += 16384
            }
        }
        #expect(spent <= 10_000 * 16384 / 40 + 256 << 10 + 16384)
        #expect(spent >= 10_000 * 16384 / 41)
    }

    @Test func lendsMoreForAJumpButNotForMany() {
        var budget = HedgeBudget()
        for _ in 0..<10 { budget.jumped() }
        #expect(budget.byteCount == 786_432)
        budget.received(16384)
        #expect(budget.byteCount == 786_432)
    }
}
