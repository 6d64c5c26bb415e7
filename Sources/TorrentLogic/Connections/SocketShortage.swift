/// What follows when the system gives no further sockets, for want of file descriptors, memory or local
/// ports: dials wait, some connections of little use are given up, and the user is told, but not
/// every time.
package struct SocketShortage: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package struct Relief: Equatable, Sendable {
        /// No dials before.
        package let pausesUntil: Instant
        /// Connections to give up.
        package let connectionCount: Int
        /// Whether the user is to be told.
        package let isNews: Bool
    }

    /// Until the next dial; what is lacking meanwhile is the same shortage.
    static let pause = Duration.seconds(5)
    private static let connectionCount = 4
    private static let newsInterval = Duration.seconds(600)

    private var pausesUntil: Instant?
    private var lastNews: Instant?

    package init() {}

    /// There was no socket for a connection, ours or a peer's.
    ///
    /// - Returns: `nil` while the relief of a moment ago has yet to take effect.
    package mutating func occurred(now: Instant) -> Relief? {
        if let pausesUntil, now < pausesUntil { return nil }
        let until = now + Self.pause
        pausesUntil = until
        let isNews = lastNews.map { now >= $0 + Self.newsInterval } ?? true
        if isNews { lastNews = now }
        return Relief(
            pausesUntil: until,
            connectionCount: Self.connectionCount,
            isNews: isNews
        )
    }
}
