/// Time as uTP counts it: microseconds since a moment that both sides need not agree upon.
package struct UTPClock: Sendable {
    package typealias Instant = ContinuousClock.Instant

    private let epoch: Instant

    package init(epoch: Instant) { self.epoch = epoch }

    package func microseconds(_ instant: Instant) -> Int {
        let (seconds, attoseconds) = epoch.duration(to: instant).components
        return Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
    }

    package func instant(_ microseconds: Int) -> Instant {
        epoch.advanced(by: .microseconds(microseconds))
    }
}

extension UInt16 {
    /// The number that has these low 16 bits and is nearest to another.
    func expanded(near number: Int) -> Int {
        number + Int(Int16(bitPattern: self &- UInt16(truncatingIfNeeded: number)))
    }
}
