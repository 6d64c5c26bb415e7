import ArgumentParser
import Foundation
import SwarmSimulation

/// Runs the rows of the simulation in an optimised build, and prints a line a figure.
@main struct SimulationTable: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulation",
        abstract: "Simulate streaming from swarms of scripted peers.",
        discussion: """
            The same seed gives the same run. Lines are `name  value  goal  ok|short`; what went wrong \
            in which run is said on standard error, with the command that shows that run.
            """
    )

    @Flag(help: "Name the rows, a line each.")
    var list = false

    @Option(help: "The row to run; all if not given. May be repeated.")
    var row: [String] = []

    @Option(help: "Runs of each row.")
    var seeds: UInt64 = 1000

    @Option(help: "Run this seed alone.")
    var seed: UInt64?

    @Flag(help: "With a row and a seed: print all that happens.")
    var trace = false

    @Flag(help: "Play less in each run.")
    var brief = false

    func run() async throws {
        if list { return Row.all.forEach { print("\($0.name)  \($0.summary)") } }
        let rows = Row.all.filter { row.isEmpty || row.contains($0.name) }
        guard !rows.isEmpty, row.allSatisfy({ name in rows.contains { $0.name == name } }) else {
            throw ValidationError("there is no such row; --list names them")
        }
        for row in rows {
            if let seed { show(row, seed) } else { try await measure(row) }
        }
    }

    private var extent: Row.Extent { brief ? .brief : .full }

    private func show(_ row: Row, _ seed: UInt64) {
        let outcome = row.run(seed: seed, extent: extent, trace: trace ? { print($0) } : nil)
        print(outcome)
    }

    private func measure(_ row: Row) async throws {
        let clock = ContinuousClock()
        let began = clock.now
        let extent = extent
        let seeds = UInt64((Double(seeds) * row.share).rounded(.up))
        let workers: UInt64 = 2
        var summary = Summary(row)
        await withTaskGroup(of: [(UInt64, Scenario, Outcome)].self) { group in
            for worker in 0..<workers {
                group.addTask {
                    stride(from: worker, to: seeds, by: Int(workers)).map { seed in
                        let scenario = row.scenario(seed: seed, extent: extent)
                        return (seed, scenario, Simulation(scenario, seed: seed).run())
                    }
                }
            }
            for await results in group {
                for (seed, scenario, outcome) in results {
                    summary.add(outcome, of: scenario, seed: seed)
                }
            }
        }
        for figure in summary.figures { print(figure) }
        note("\(row.name): \(seeds) runs in \(clock.now - began): \(row.summary)")
        for seed in summary.failedSeeds.prefix(3) {
            guard let outcome = summary.outcome(of: seed) else { continue }
            let what =
                outcome.isFinished
                ? "\(outcome.stallCount) stalls of \(outcome.stalled.seconds) s" : "did not end"
            note("  seed \(seed): \(what); simulation --row \(row.name) --seed \(seed) --trace")
        }
    }

    private func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
