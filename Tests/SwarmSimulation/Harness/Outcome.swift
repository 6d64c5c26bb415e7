/// What came of a run.
package struct Outcome: Equatable, Sendable {
    package var readers: [ReaderRecord] = []
    /// Every reader was done before the limit.
    package var isFinished = false
    /// How long the run was, in virtual time.
    package var length = VirtualTime.zero
    /// Payload bytes that came, and those of them that were dropped.
    package var receivedByteCount: UInt64 = 0
    package var wastedByteCount: UInt64 = 0
    package var requestCount = 0
    package var cancelCount = 0
    /// Pieces, or blocks of v2, that were wrong.
    package var rejectedCount = 0
    package var banCount = 0
    /// READs that were told to come again.
    package var heldTooLongCount = 0
    /// Bytes that came of the scanned files.
    package var scannedByteCount: UInt64 = 0
    package var eventCount = 0
    /// What must never be.
    package var violations: [String] = []
    /// Of all that happened: two runs of a seed have the same.
    package var digest: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    package var players: [ReaderRecord] { readers.filter(\.isPlayer) }
    package var stallCount: Int { players.reduce(0) { $0 + $1.stallCount } }
    package var stalled: VirtualTime { players.reduce(.zero) { $0 + $1.stalled } }
    /// Nobody waited for what it played, and everybody was done.
    package var isSmooth: Bool { isFinished && stallCount == 0 }

    /// FNV-1a.
    mutating func mix(_ numbers: UInt64...) {
        for number in numbers {
            var rest = number
            for _ in 0..<8 {
                digest = (digest ^ (rest & 0xff)) &* 0x100_0000_01b3
                rest >>= 8
            }
        }
    }
}
