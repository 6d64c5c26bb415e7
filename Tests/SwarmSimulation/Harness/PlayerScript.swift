/// How a player opens, plays and seeks in a file.
package struct PlayerScript: Sendable {
    /// A place to play from.
    package struct Scene: Sendable {
        package var offset: UInt64
        package var byteCount: UInt64
        /// It moves on after this time whatever it has played by then.
        package var patience: VirtualTime?

        package init(offset: UInt64, byteCount: UInt64, patience: VirtualTime? = nil) {
            self.offset = offset
            self.byteCount = byteCount
            self.patience = patience
        }
    }

    package var file: Int
    /// Bytes a second that it plays.
    package var byteRate: Double
    /// Ranges that it reads one after another before it plays: the head, the index.
    package var opening: [Range<UInt64>] = []
    /// From the first to the last; to each but the first it seeks.
    package var scenes: [Scene]
    package var start = VirtualTime.zero
    /// What it holds of what it has not played yet, with the page cache's read-ahead.
    package var buffer = VirtualTime.seconds(2)
    /// What it must hold to begin, and to go on after a stall: what VLC holds of a file by default, and
    /// what mpv waits for once it ran dry.
    package var startBuffer = VirtualTime.seconds(1)
    /// Linux sends READs of 128 KiB, a few at a time.
    package var readLength: UInt64 = 128 << 10
    package var readsInFlight = 4

    package init(file: Int = 0, byteRate: Double, scenes: [Scene]) {
        self.file = file
        self.byteRate = byteRate
        self.scenes = scenes
    }
}
