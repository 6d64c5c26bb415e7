/// The readers that wait for bytes, and what each has been told.
struct ReaderWaits {
    private struct Wait {
        let range: Range<UInt64>
        let notify: @Sendable (Availability) -> Void
        var told: UInt64 = 0
    }

    private var waits: [WaitToken: Wait] = [:]

    var isEmpty: Bool { waits.isEmpty }

    mutating func begin(
        _ token: WaitToken,
        for range: Range<UInt64>,
        notify: @escaping @Sendable (Availability) -> Void
    ) {
        waits[token] = Wait(range: range, notify: notify)
    }

    /// - Returns: false if there is no such wait (any more).
    mutating func end(_ token: WaitToken) -> Bool { waits.removeValue(forKey: token) != nil }

    /// Tells every wait for bytes of `range` whose verified prefix has grown.
    ///
    /// - Returns: the waits that have all they wanted; they are ended.
    mutating func tell(
        about range: Range<UInt64>,
        verifiedPrefix: (Range<UInt64>) -> UInt64
    ) -> [WaitToken] {
        var satisfied: [WaitToken] = []
        for (token, wait) in waits where wait.range.overlaps(range) {
            let prefix = verifiedPrefix(wait.range)
            guard prefix > wait.told else { continue }
            if prefix == UInt64(wait.range.count) {
                satisfied.append(token)
                waits[token] = nil
            } else {
                waits[token]?.told = prefix
            }
            wait.notify(.verified(prefix))
        }
        return satisfied
    }

    /// Tells every wait for bytes of `range`, or every wait at all, that none will come, and ends
    /// it.
    mutating func fail(_ range: Range<UInt64>? = nil, with news: Availability) -> [WaitToken] {
        let failed = waits.filter { range.map($0.value.range.overlaps) ?? true }
        for (token, wait) in failed {
            waits[token] = nil
            wait.notify(news)
        }
        return Array(failed.keys)
    }
}
