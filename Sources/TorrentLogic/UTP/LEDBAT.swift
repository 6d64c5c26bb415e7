/// Low extra delay background transport (RFC 6817): how many bytes may be under way so that they
/// keep the queue before the bottleneck at the target, and give way to whoever fills it.
struct LEDBAT {
    /// Bytes.
    private(set) var window: Double
    private var threshold = Double(UTPLimits.maximumWindow)

    init(segment: Int) { window = Double(UTPLimits.initialWindow * segment) }

    var isSlowStart: Bool { window < threshold }

    /// - Parameters:
    ///   - delay: time in queues, microseconds; `nil` if the peer did not say.
    ///   - isLimited: the window, and nothing else, kept us from sending more.
    ///   - segment: bytes that a datagram carries.
    mutating func acknowledged(_ byteCount: Int, delay: Int?, isLimited: Bool, segment: Int) {
        let target = Double(UTPLimits.targetDelay)
        let share = (target - Double(delay ?? 0)) / target
        if isSlowStart, share < 0.25 { threshold = window }
        let gain: Double
        if isSlowStart {
            gain = Double(byteCount)
        } else {
            gain = UTPLimits.windowGain * max(-1, share) * Double(byteCount) / window
        }
        guard isLimited || gain < 0 else { return }
        window = min(window + gain, Double(UTPLimits.maximumWindow))
        setFloor(segment)
    }

    /// A datagram is lost; to be told once in a round trip.
    mutating func lost(segment: Int) {
        window /= 2
        setFloor(segment)
        threshold = window
    }

    /// Nothing was acknowledged for long.
    mutating func timedOut(segment: Int) {
        threshold = max(window / 2, Double(UTPLimits.minimumWindow * segment))
        window = Double(segment)
    }

    private mutating func setFloor(_ segment: Int) {
        window = max(window, Double(UTPLimits.minimumWindow * segment))
    }
}
