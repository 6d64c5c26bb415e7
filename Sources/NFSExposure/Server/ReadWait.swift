/// How long a READ may wait, and what comes then.
package struct ReadWaitPolicy: Equatable, Sendable {
    /// Time from the arrival of a READ to `NFS3ERR_JUKEBOX`; `nil` holds for ever.
    package var stallTimeout: Duration?
    /// Time from the first verified bytes to a short answer.
    package var prefixPatience: Duration
    /// Time after which a wait is worth a line in the log.
    package var noticeAfter: Duration

    package init(
        stallTimeout: Duration? = .seconds(25),
        prefixPatience: Duration = .seconds(1),
        noticeAfter: Duration = .seconds(5)
    ) {
        self.stallTimeout = stallTimeout
        self.prefixPatience = prefixPatience
        self.noticeAfter = noticeAfter
    }

    package init(_ options: ExportOptions) {
        let holds = options.stall == .hold || options.stallTimeout <= .zero
        self.init(stallTimeout: holds ? nil : options.stallTimeout)
    }
}

/// One READ whose bytes are not all there: decides when it is answered, and how.
///
/// A READ of nothing is held; one of which a beginning is there is answered short soon, because
/// every answer restarts the client's timers, so that a trickle never times out anywhere.
package struct ReadWait: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        /// Keep waiting, until ``deadline`` at the latest.
        case wait
        /// Keep waiting, and tell the log that this READ waits for peers; comes at most once.
        case report
        /// Answer with so many bytes, at least 1.
        case answer(UInt64)
        /// Answer `NFS3ERR_JUKEBOX` with attributes.
        case tryLater
        /// Answer `NFS3ERR_STALE`.
        case stale
        /// Answer `NFS3ERR_IO`.
        case fail
    }

    package enum Event: Equatable, Sendable {
        /// So many bytes from the start of the range are verified.
        case verified(UInt64)
        case removed
        case failed
        /// ``deadline`` may have passed.
        case timer
    }

    /// Bytes wanted, at least 1.
    package let length: UInt64
    package let policy: ReadWaitPolicy
    package let arrival: ContinuousClock.Instant

    private var verified: UInt64 = 0
    private var prefixSince: ContinuousClock.Instant?
    private var isReported = false

    package init(length: UInt64, policy: ReadWaitPolicy, now: ContinuousClock.Instant) {
        self.length = length
        self.policy = policy
        arrival = now
    }

    /// When to send ``Event/timer``; `nil` if only news can end the wait.
    package var deadline: ContinuousClock.Instant? {
        [end, isReported ? nil : arrival + policy.noticeAfter].compactMap(\.self).min()
    }

    package mutating func handle(_ event: Event, now: ContinuousClock.Instant) -> Action {
        switch event {
        case .removed: return .stale
        case .failed: return .fail
        case .verified(let count):
            verified = min(count, length)
            if verified == length { return .answer(length) }
            prefixSince = verified == 0 ? nil : prefixSince ?? now
        case .timer: break
        }
        if let end, now >= end {
            return verified == 0 ? .tryLater : .answer(shortAnswer)
        }
        if !isReported, now >= arrival + policy.noticeAfter {
            isReported = true
            return .report
        }
        return .wait
    }

    private var end: ContinuousClock.Instant? {
        let stallEnd = policy.stallTimeout.map { arrival + $0 }
        guard let prefixSince else { return stallEnd }
        let prefixEnd = prefixSince + policy.prefixPatience
        return stallEnd.map { min($0, prefixEnd) } ?? prefixEnd
    }

    /// Whole pages where there is one: a client's cache cannot keep a part of a page.
    private var shortAnswer: UInt64 {
        verified < 4096 ? verified : verified & ~4095
    }
}
