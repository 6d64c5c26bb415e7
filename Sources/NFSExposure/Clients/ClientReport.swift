/// One client at one moment: what it has mounted, what it reads, and what it waits for.
package struct ClientReport: Encodable, Equatable, Sendable {
    /// A file that it has read lately.
    package struct Reading: Encodable, Equatable, Sendable {
        /// From the root of the share; the identity of a file that is gone.
        package var path: String
        /// Behind the last byte that it was given.
        package var offset: UInt64
        package var size: UInt64
        /// Over the last five to ten seconds.
        package var bytesPerSecond: Double
        /// Since the last READ was answered.
        package var idleSeconds: Double

        package init(
            path: String,
            offset: UInt64,
            size: UInt64,
            bytesPerSecond: Double,
            idleSeconds: Double
        ) {
            self.path = path
            self.offset = offset
            self.size = size
            self.bytesPerSecond = bytesPerSecond
            self.idleSeconds = idleSeconds
        }
    }

    /// READs of one file that wait.
    package struct Waiting: Encodable, Equatable, Sendable {
        package var path: String
        /// Of the READ that waits longest.
        package var offset: UInt64
        package var readCount: Int
        /// How long that one has waited.
        package var seconds: Double
        /// Why that one waits; for programs.
        package var reason: String
        /// The same for people.
        package var because: String

        package init(
            path: String,
            offset: UInt64,
            readCount: Int,
            seconds: Double,
            reason: String,
            because: String
        ) {
            self.path = path
            self.offset = offset
            self.readCount = readCount
            self.seconds = seconds
            self.reason = reason
            self.because = because
        }
    }

    package var address: String
    /// Paths that it has mounted and not unmounted, as far as it has told this server.
    package var mounts: [String]
    /// TCP connections that it has now.
    package var connectionCount: Int
    /// The one that was read last first.
    package var reading: [Reading]
    /// The longest wait first.
    package var waiting: [Waiting]

    package init(
        address: String,
        mounts: [String] = [],
        connectionCount: Int = 0,
        reading: [Reading] = [],
        waiting: [Waiting] = []
    ) {
        self.address = address
        self.mounts = mounts
        self.connectionCount = connectionCount
        self.reading = reading
        self.waiting = waiting
    }
}
