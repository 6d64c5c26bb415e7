import ArgumentParser
import Glibc
import TestSupport

/// Feeds one decoder with inputs that depend on the seed and their number alone.
struct Feeding {
    /// By how much the memory of the process may grow after its first inputs.
    static let maximumGrowth = 16 << 20
    /// The part of the inputs after which everything that is made once is made, and an allocator has
    /// found its size; that of the address sanitizer takes a million of them.
    static let warmUpShare = 10
    /// Seconds for `inputsPerAlarm` inputs, after which the decoder counts as hanging.
    static let alarmSeconds: UInt32 = 20
    static let inputsPerAlarm = 1000

    let decoder: Decoder
    let seed: UInt64

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// - Returns: a line that says what was fed.
    func feed(_ inputs: Range<Int>) throws -> String {
        CrashReport.begin("fuzz --only \(decoder.name) --seed \(seed) --count 1 --from ")
        defer { CrashReport.end() }
        var acceptedCount = 0
        var before = peakMemory()
        let start = ContinuousClock.now
        for number in inputs {
            let done = number - inputs.lowerBound
            if done % Self.inputsPerAlarm == 0 { alarm(Self.alarmSeconds) }
            if done == inputs.count / Self.warmUpShare { before = peakMemory() }
            CrashReport.input = number
            var mutator = mutator(of: number)
            let bytes = input(number, using: &mutator)
            do {
                if try decoder.decode(bytes, &mutator) { acceptedCount += 1 }
            } catch {
                throw Failure(description: "\(decoder.name): \(error); \(CrashReport.replay)")
            }
        }
        let growth = max(0, peakMemory() - before)
        guard growth <= Self.maximumGrowth else {
            throw Failure(description: "\(decoder.name): grew by \(growth >> 10) KiB, seed \(seed)")
        }
        // Who accepts nothing was fed with nothing that comes far.
        guard acceptedCount > inputs.count / 2000 else {
            throw Failure(description: "\(decoder.name): accepted only \(acceptedCount) inputs")
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return "\(decoder.name): \(inputs.count) inputs, \(acceptedCount) accepted, "
            + "\(growth >> 10) KiB more memory, \((seconds * 10).rounded() / 10) s"
    }

    private func mutator(of number: Int) -> Mutator {
        // Seeds that follow each other would give the same numbers, shifted.
        var mixer = Mutator(seed: seed &+ UInt64(number))
        return Mutator(seed: mixer.next())
    }

    private func input(_ number: Int, using mutator: inout Mutator) -> [UInt8] {
        let samples = decoder.samples
        return mutator.mutate(
            samples[(number / 2) % samples.count],
            alphabet: number % 2 == 0 ? decoder.alphabet : []
        )
    }

    /// Bytes that the process held at most.
    private func peakMemory() -> Int {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss << 10
    }
}
