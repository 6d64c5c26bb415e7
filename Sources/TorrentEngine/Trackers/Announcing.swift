import BitTorrentProtocol
import Logging
import TorrentLogic

/// Where the announces of an `Announcer` stand.
struct Announcing {
    /// What trackers are told of us, in bytes.
    struct Standing: Sendable {
        var uploaded: UInt64 = 0
        var downloaded: UInt64 = 0
        /// What we lack.
        var left: UInt64
    }

    var schedule: AnnounceSchedule
    var scrapes: ScrapeSchedule
    let hasTrackers: Bool
    /// Between `start` and `stop` of the schedule.
    var isInUse = false
    /// What the schedule was last told, so that it is told changes only.
    var told: Situation?
    /// What trackers want to have sent back.
    var trackerIDs: [String: [UInt8]] = [:]
    /// Trackers whose last announce failed: one log line for the first failure of a series.
    var failing: Set<String> = []
    /// How loudly that line is said.
    let failureLevel: Logger.Level
    let recoveryLevel: Logger.Level

    struct Situation: Equatable {
        let hasDemand: Bool
        let usablePeerCount: Int
    }

    /// - Parameter isMagnet: its trackers are hints, many of which are dead.
    init(tiers: [[String]], isPrivate: Bool, isMagnet: Bool = false, seed: UInt64) {
        schedule = AnnounceSchedule(tiers: tiers, isPrivate: isPrivate, seed: seed)
        // With a private torrent one tracker at a time has to do with it (BEP 27).
        scrapes = ScrapeSchedule(
            trackers: isPrivate ? [] : tiers.joined().filter(Trackers.canScrape)
        )
        hasTrackers = tiers.contains { !$0.isEmpty }
        failureLevel = isMagnet ? .info : .warning
        recoveryLevel = isMagnet ? .debug : .notice
    }

    /// Scheme, host and port: the path of an announce URL may hold a secret.
    static func name(of tracker: String) -> String {
        guard let scheme = tracker.firstRange(of: "://") else { return "?" }
        let end = tracker[scheme.upperBound...].firstIndex { $0 == "/" || $0 == "?" }
        return String(tracker[..<(end ?? tracker.endIndex)])
    }
}
