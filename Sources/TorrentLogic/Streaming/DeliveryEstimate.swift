/// When a peer would deliver, in seconds from now, if it goes on as it did.
struct DeliveryEstimate {
    /// From a request to an idle peer to its first block.
    let response: Double
    /// Between two blocks of a peer that has many to send.
    let blockTime: Double
    /// Blocks requested and not received.
    let queuedCount: Int
    /// Added to a peer that is not expected to deliver at all just now.
    let penalty: Double

    /// Of a block that is requested now.
    ///
    /// The request travels while the peer works off what it was asked before.
    var next: Double { last(of: 1) }

    /// Of the last of so many blocks that are requested now.
    func last(of count: Int) -> Double {
        max(response, Double(queuedCount + 1) * blockTime) + Double(count - 1) * blockTime + penalty
    }
}
