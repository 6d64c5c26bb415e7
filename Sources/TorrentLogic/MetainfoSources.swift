/// Where the `.torrent` file of a magnet link may be fetched (`xs`, `as`), and when which of these
/// places is tried: one at a time, those of `as` when those of `xs` have failed or after a while, and
/// all again and again, ever more rarely.
package struct MetainfoSources: Sendable {
    package typealias Instant = ContinuousClock.Instant

    private struct Source {
        let url: String
        var failures = 0
        /// Not tried before.
        var next: Instant
    }

    /// What the peers have time for before an acceptable substitute is asked.
    private static let headStart = Duration.seconds(30)
    private static let initialPause = Duration.seconds(30)
    private static let maximumPause = Duration.seconds(3600)
    /// Places that are tried at all.
    private static let maximumCount = 16

    private var sources: [Source]
    private var isAsking = false

    /// - Parameters:
    ///   - exact: `xs`; what is no URL of HTTP is left out.
    ///   - acceptable: `as`.
    package init(exact: [String], acceptable: [String], now: Instant) {
        func sources(_ urls: [String], _ next: Instant) -> [Source] {
            urls.filter { url in
                ["http://", "https://"].contains { url.lowercased().hasPrefix($0) }
            }.map { Source(url: $0, next: next) }
        }
        let exact = sources(exact, now)
        let others = sources(acceptable, exact.isEmpty ? now : now + Self.headStart)
            .filter { other in !exact.contains { $0.url == other.url } }
        self.sources = Array((exact + others).prefix(Self.maximumCount))
    }

    /// When `takeDue` has something; `nil` while a place is being asked or none is left.
    package var nextDeadline: Instant? { isAsking ? nil : sources.map(\.next).min() }

    /// The place to ask now; `failed` or `refuted` is to be reported of it unless it gives the file.
    package mutating func takeDue(now: Instant) -> String? {
        guard !isAsking, let source = sources.first(where: { $0.next <= now }) else { return nil }
        isAsking = true
        return source.url
    }

    /// It gives nothing at this time.
    package mutating func failed(_ url: String, now: Instant) {
        isAsking = false
        guard let index = sources.firstIndex(where: { $0.url == url }) else { return }
        let pause = Self.initialPause * (1 << min(sources[index].failures, 16))
        sources[index].failures += 1
        sources[index].next = now + min(pause, Self.maximumPause)
        // Substitutes wait no longer when everything else has failed.
        guard sources.allSatisfy({ $0.failures > 0 || $0.next > now }) else { return }
        for index in sources.indices where sources[index].failures == 0 {
            sources[index].next = now
        }
    }

    /// It gives another torrent, or nothing that could ever be one.
    package mutating func refuted(_ url: String, now: Instant) {
        failed(url, now: now)
        sources.removeAll { $0.url == url }
    }
}
