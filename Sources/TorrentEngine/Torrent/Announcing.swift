import TorrentLogic

/// Where a torrent's announces stand.
struct Announcing {
    var schedule: AnnounceSchedule
    /// Looks for peers though nobody reads.
    var isSeed = false
    let hasTrackers: Bool
    /// Between `start` and `stop` of the schedule.
    var isInUse = false
    /// What the schedule was last told, so that it is told changes only.
    var told: Situation?
    /// What trackers want to have sent back.
    var trackerIDs: [String: [UInt8]] = [:]
    /// Trackers whose last announce failed: one log line for the first failure of a series.
    var failing: Set<String> = []

    struct Situation: Equatable {
        let hasDemand: Bool
        let usablePeerCount: Int
    }

    init(tiers: [[String]], isPrivate: Bool, seed: UInt64) {
        schedule = AnnounceSchedule(tiers: tiers, isPrivate: isPrivate, seed: seed)
        hasTrackers = tiers.contains { !$0.isEmpty }
    }

    /// Scheme, host and port: the path of an announce URL may hold a secret.
    static func name(of tracker: String) -> String {
        guard let scheme = tracker.firstRange(of: "://") else { return "?" }
        let end = tracker[scheme.upperBound...].firstIndex { $0 == "/" || $0 == "?" }
        return String(tracker[..<(end ?? tracker.endIndex)])
    }
}
