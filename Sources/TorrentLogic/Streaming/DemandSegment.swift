/// A byte range that readers want, and when.
package struct DemandSegment: Equatable, Sendable {
    package let range: Range<UInt64>
    /// Seconds from now until its first byte is needed.
    package let lead: Double
    /// Bytes per second at which the rest is needed.
    package let rate: Double
    /// Seconds from now until its last byte is needed, at most.
    package let longestLead: Double
    /// Somebody waits for it, or has just asked for it.
    package let isUrgent: Bool

    package init(
        range: Range<UInt64>,
        lead: Double,
        rate: Double,
        longestLead: Double = .infinity,
        isUrgent: Bool
    ) {
        self.range = range
        self.lead = lead
        self.rate = rate
        self.longestLead = longestLead
        self.isUrgent = isUrgent
    }

    /// Seconds from now until the byte is needed.
    package func lead(of offset: UInt64) -> Double {
        guard offset > range.lowerBound else { return lead }
        return min(lead + Double(offset - range.lowerBound) / rate, max(lead, longestLead))
    }
}
