/// Our own line to the network: what all peers send us shares it.
struct Line {
    /// Bytes a second; `nil` if it is never the bottleneck.
    let rate: Double?
    private var freeAt = VirtualTime.zero

    /// What stands before the line at most; beyond it the windows of TCP hold the senders back.
    private static let maximumBacklog = VirtualTime.milliseconds(100)

    init(rate: Double?) { self.rate = rate }

    /// - Returns: how long a sender whose bytes would be here at `time` must hold back.
    func excess(at time: VirtualTime) -> VirtualTime? {
        guard rate != nil, freeAt > time + Self.maximumBacklog else { return nil }
        return freeAt - time - Self.maximumBacklog
    }

    /// - Returns: when the bytes are through.
    mutating func pass(_ byteCount: Int, now: VirtualTime) -> VirtualTime {
        guard let rate else { return now }
        freeAt = max(freeAt, now) + .seconds(Double(byteCount) / rate)
        return freeAt
    }
}
