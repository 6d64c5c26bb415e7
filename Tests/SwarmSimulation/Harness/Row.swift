import TorrentLogic

/// A row of the table: a kind of scenario, of which a seed makes one.
package struct Row: Sendable {
    /// How much is played in a run.
    package enum Extent: Sendable {
        /// Enough to measure.
        case full
        /// Enough to see that it works, where every block is dear.
        case brief

        /// A number of the full extent, or as much as is enough.
        func of<Number>(_ full: Number, _ brief: Number) -> Number {
            self == .full ? full : brief
        }
    }

    package let name: String
    /// What it shows.
    package let summary: String
    /// Of the runs of a table: a row whose runs are long takes fewer.
    package let share: Double
    let make: @Sendable (inout SeededGenerator, Extent) -> Scenario

    init(
        _ name: String,
        _ summary: String,
        share: Double = 1,
        _ make: @escaping @Sendable (inout SeededGenerator, Extent) -> Scenario
    ) {
        self.name = name
        self.summary = summary
        self.share = share
        self.make = make
    }

    package func scenario(seed: UInt64, extent: Extent = .full) -> Scenario {
        var generator = SeededGenerator(seed: seed)
        return make(&generator, extent)
    }

    package func run(
        seed: UInt64,
        extent: Extent = .full,
        trace: ((String) -> Void)? = nil
    ) -> Outcome {
        Simulation(scenario(seed: seed, extent: extent), seed: seed, trace: trace).run()
    }
}

extension SeededGenerator {
    /// Within this share of the value, so that no two seeds are alike.
    mutating func around(_ value: Double, _ share: Double = 0.1) -> Double {
        value * Double.random(in: 1 - share...1 + share, using: &self)
    }

    /// A place in a file where the Linux client may begin a READ.
    mutating func place(in length: UInt64, upTo share: Double = 0.9) -> UInt64 {
        let readLength = 128.0 * 1024
        let reads = Double(length) / readLength * Double.random(in: 0..<share, using: &self)
        return UInt64(reads.rounded(.down) * readLength)
    }
}
