import VirtualTree

extension NFSServer {
    /// Everybody who is connected, or has mounted something and not said that it unmounted it.
    package func clients() async -> [ClientReport] {
        let now = ContinuousClock.now
        var reports: [String: ClientReport] = [:]
        for record in service.withMountLog({ $0.records }) {
            reports[record.host, default: ClientReport(address: record.host)].mounts
                .append(record.path)
        }
        for (address, activities) in await service.clients.activities() {
            var report = reports["\(address)"] ?? ClientReport(address: "\(address)")
            report.connectionCount = activities.count
            report.reading = reading(activities.flatMap(\.read), now: now)
            report.waiting = await waiting(activities.flatMap(\.waiting), now: now)
            reports[report.address] = report
        }
        return reports.values.sorted {
            (IPAddress($0.address)?.bits ?? 0) < (IPAddress($1.address)?.bits ?? 0)
        }
    }

    /// A file that several connections read counts once.
    private func reading(
        _ entries: [ReadActivity.Entry],
        now: ContinuousClock.Instant
    ) -> [ClientReport.Reading] {
        let files = Dictionary(grouping: entries) { $0.file.id }
        let latest = files.values.compactMap { entries in
            entries.max { $0.lastRead < $1.lastRead }
        }
        return latest.sorted { $0.lastRead > $1.lastRead }.map { entry in
            let file = entry.file
            let rates = files[file.id, default: []].map { $0.bytesPerSecond(now: now) }
            return ClientReport.Reading(
                path: service.path(of: file.id),
                offset: entry.offset,
                size: file.attributes.size,
                bytesPerSecond: rates.reduce(0, +),
                idleSeconds: max(0, (now - entry.lastRead) / .seconds(1))
            )
        }
    }

    private func waiting(
        _ waits: [NFSConnection.Waiting],
        now: ContinuousClock.Instant
    ) async -> [ClientReport.Waiting] {
        var result: [ClientReport.Waiting] = []
        for waits in Dictionary(grouping: waits, by: { $0.file.id }).values {
            guard let longest = waits.min(by: { $0.since < $1.since }) else { continue }
            let reason = await longest.file.waitReason(for: longest.range)
            result.append(
                ClientReport.Waiting(
                    path: service.path(of: longest.file.id),
                    offset: longest.range.lowerBound,
                    readCount: waits.count,
                    seconds: max(0, (now - longest.since) / .seconds(1)),
                    reason: reason.rawValue,
                    because: reason.text
                )
            )
        }
        return result.sorted { $0.seconds > $1.seconds }
    }
}

extension VirtualFile {
    fileprivate func waitReason(for range: Range<UInt64>) async -> FileWaitReason {
        await withCheckedContinuation { continuation in
            explainWait(for: range) { continuation.resume(returning: $0) }
        }
    }
}
