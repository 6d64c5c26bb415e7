import SwarmSimulation
import Testing

/// A few short runs of every row; the figures come from an optimised build (`make bench
/// ONLY=simulation`).
@Suite struct SwarmSimulationTests {
    private static let seeds: Range<UInt64> = 0..<2
    /// Rows that have everything in them by which one run could differ from another.
    private static let repeated: Set = ["B", "faulty", "crowd"]

    @Test(arguments: Row.all.map(\.name), seeds)
    func everyRunEndsAndKeepsItsPromises(name: String, seed: UInt64) throws {
        let row = try #require(Row.all.first { $0.name == name })
        let outcome = row.run(seed: seed, extent: .brief)
        #expect(outcome.isFinished, "row \(name), seed \(seed) did not end")
        #expect(outcome.violations.isEmpty, "row \(name), seed \(seed)")
        #expect(outcome.players.allSatisfy { $0.firstByte != nil })
        guard seed == 0, Self.repeated.contains(name) else { return }
        #expect(outcome == row.run(seed: seed, extent: .brief), "a seed gives one run")
    }

    /// Two pieces that are needed at once turn out wrong when every peer has been asked for seconds of
    /// what follows them.
    @Test func whatAReaderWaitsForStandsBehindNothingThatCanWait() throws {
        let row = try #require(Row.all.first { $0.name == "liars" })
        #expect(row.run(seed: 97, extent: .full).stalled < VirtualTime(.milliseconds(500)))
    }
}
