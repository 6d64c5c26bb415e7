import NIOCore
import VirtualTree

// What a connection tells of itself.
extension NFSConnection {
    struct Activity: Sendable {
        let read: [ReadActivity.Entry]
        let waiting: [Waiting]
    }

    struct Waiting: Sendable {
        let file: any VirtualFile
        let range: Range<UInt64>
        let since: ContinuousClock.Instant
    }

    var currentActivity: Activity {
        Activity(
            read: activity.entries,
            waiting: waits.arrivals.map { read, since in
                Waiting(file: read.file, range: read.range, since: since)
            }
        )
    }

    /// The READ is answered.
    func note(_ read: ReplyQueue.Read) {
        let offset = read.range.lowerBound
        activity.answered(read.call.file, at: offset, count: read.count, now: .now)
    }

    /// That it has read lately or waits for.
    var files: [any VirtualFile] {
        activity.entries.map(\.file) + waits.arrivals.map(\.read.file)
    }

    func tellOpened(on loop: any EventLoop) { service.clients.opened(self, on: loop) }

    /// Before the waits end, whose files count among those that were read.
    func tellClosed(on loop: any EventLoop) {
        service.clients.closed(
            self,
            having: files,
            on: loop,
            patience: service.limits.absence
        )
    }
}
