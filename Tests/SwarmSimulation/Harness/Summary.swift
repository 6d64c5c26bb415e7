/// What came of many runs of a row, as figures.
package struct Summary: Sendable {
    /// A line of the table: `name  value  goal  ok|short`.
    package struct Figure: Sendable, CustomStringConvertible {
        package let name: String
        package let value: Double
        /// What the value is to be at least, or at most.
        package let goal: (sign: String, value: Double)?

        package var isReached: Bool {
            guard let goal else { return true }
            return goal.sign == ">=" ? value >= goal.value : value <= goal.value
        }

        package var description: String {
            let shown = goal.map { $0.sign + Self.text($0.value) } ?? "-"
            return "\(name)  \(Self.text(value))  \(shown)  \(isReached ? "ok" : "short")"
        }

        private static func text(_ number: Double) -> String {
            if number == number.rounded() { return String(Int(number)) }
            let digits = abs(number) >= 100 ? 0 : abs(number) >= 10 ? 1 : abs(number) >= 1 ? 2 : 3
            let scale = [1.0, 10, 100, 1000][digits]
            let text = String((number * scale).rounded() / scale)
            return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        }
    }

    private let row: Row
    private var outcomes: [UInt64: Outcome] = [:]
    /// Sums over the runs of what a run may at least take.
    private var startBounds = 0.0
    private var seekBounds = 0.0
    private var playBounds = 0.0
    /// Whether players read here and there before they play.
    private var isOpening = false
    private var scannedFileCount = 0
    private var scanBound = 0.0

    package init(_ row: Row) { self.row = row }

    package mutating func add(_ outcome: Outcome, of scenario: Scenario, seed: UInt64) {
        outcomes[seed] = outcome
        startBounds += scenario.startBound.seconds
        seekBounds += scenario.seekBound.seconds
        let players = scenario.players
        playBounds += players.reduce(0) { $0 + scenario.playBound(of: $1).seconds }
        isOpening = isOpening || players.contains { !$0.opening.isEmpty }
        scannedFileCount += scenario.scannedFiles?.count ?? 0
        scanBound = scenario.scanBound
    }

    /// Seeds of runs that stalled or did not end, the worst first.
    package var failedSeeds: [UInt64] {
        outcomes.filter { !$0.value.isSmooth }.sorted {
            ($1.value.stalled, $0.key) < ($0.value.stalled, $1.key)
        }.map(\.key)
    }

    package func outcome(of seed: UInt64) -> Outcome? { outcomes[seed] }

    package var figures: [Figure] {
        let runs = outcomes.values
        let count = Double(runs.count)
        let players = runs.flatMap(\.players)
        let played = players.reduce(0) { $0 + $1.played.seconds }
        let received = runs.reduce(0) { $0 + Double($1.receivedByteCount) }
        let wasted = runs.reduce(0) { $0 + Double($1.wastedByteCount) }
        let starts = players.compactMap(\.firstByte?.seconds)
        let seeks = players.flatMap(\.seeks).map(\.seconds)
        let smooth = Double(runs.count(where: \.isSmooth))
        var figures = [
            figure("smooth-percent", smooth / count * 100, (">=", 99)),
            figure("start-seconds", Self.quantile(0.5, starts), ("<=", startBounds / count)),
            figure("start-seconds-p99", Self.quantile(0.99, starts)),
        ]
        if isOpening {
            let plays = players.compactMap(\.startUp?.seconds)
            let goal = playBounds / Double(max(1, players.count))
            figures.append(figure("play-seconds", Self.quantile(0.5, plays), ("<=", goal)))
        }
        if !seeks.isEmpty {
            let goal = seekBounds / count
            figures += [
                figure("seek-seconds", Self.quantile(0.5, seeks), ("<=", goal)),
                figure("seek-seconds-p99", Self.quantile(0.99, seeks)),
            ]
        }
        let stalled = runs.reduce(0) { $0 + $1.stalled.seconds }
        figures += [
            figure("stall-seconds-a-minute", stalled / max(played, 1) * 60),
            figure("waste-percent", wasted / max(received, 1) * 100, ("<=", 3)),
        ]
        if scannedFileCount > 0 {
            let scanned = runs.reduce(0) { $0 + Double($1.scannedByteCount) }
            let each = scanned / Double(scannedFileCount) / 1024
            figures.append(figure("scan-KiB-a-file", each, ("<=", scanBound / 1024)))
        }
        let unfinished = Double(runs.count { !$0.isFinished })
        figures.append(figure("unfinished", unfinished, ("<=", 0)))
        let violations = runs.reduce(0) { $0 + Double($1.violations.count) }
        figures.append(figure("violations", violations, ("<=", 0)))
        return figures
    }

    private func figure(
        _ name: String,
        _ value: Double,
        _ goal: (String, Double)? = nil
    ) -> Figure {
        Figure(name: "simulation.\(row.name).\(name)", value: value, goal: goal)
    }

    /// - Returns: 0 of nothing.
    private static func quantile(_ share: Double, _ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.last else { return 0 }
        let index = Int((Double(sorted.count) * share).rounded(.down))
        return index < sorted.count ? sorted[index] : last
    }
}
