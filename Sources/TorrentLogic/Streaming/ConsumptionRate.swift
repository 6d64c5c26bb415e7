/// How fast a reader consumes, in bytes per second while nothing keeps it waiting.
///
/// Players read in bursts and then nothing for a while, so the average goes over ten seconds and never
/// falls far below what a burst was. The time that a reader waits for us says nothing of its appetite
/// and does not count.
package struct ConsumptionRate {
    package typealias Instant = ContinuousClock.Instant

    private var average = Self.assumed
    private var burst = 0.0
    private var isMeasured = false
    private var sampleByteCount: UInt64 = 0
    /// Of the sample, in which the reader did not wait.
    private var sampleSeconds = 0.0
    private var lastEvent: Instant?
    private var waitCount = 0

    /// A film of 10 Mbit/s.
    private static let assumed = 1.25e6
    private static let minimum = 128e3
    private static let maximum = 1e9
    private static let averagedSeconds = 10.0
    /// A longer pause is not consumption at a low rate: the player is paused, or its buffer is full.
    private static let longestGap = 5.0

    package init() {}

    package var bytesPerSecond: Double {
        min(max(average, burst / 4, Self.minimum), Self.maximum)
    }

    package mutating func consumed(_ byteCount: UInt64, now: Instant) {
        advance(to: now)
        sampleByteCount += byteCount
        guard sampleSeconds >= 1 else { return }
        let sample = Double(sampleByteCount) / sampleSeconds
        let weight = isMeasured ? min(1, sampleSeconds / Self.averagedSeconds) : 0.5
        average += weight * (sample - average)
        burst = max(sample, burst * (1 - weight))
        isMeasured = true
        sampleByteCount = 0
        sampleSeconds = 0
    }

    package mutating func waitBegan(now: Instant) {
        advance(to: now)
        waitCount += 1
    }

    package mutating func waitEnded(now: Instant) {
        advance(to: now)
        waitCount = max(0, waitCount - 1)
    }

    private mutating func advance(to now: Instant) {
        if waitCount == 0, let lastEvent, lastEvent < now {
            sampleSeconds += min((now - lastEvent) / .seconds(1), Self.longestGap)
        }
        lastEvent = now
    }
}
