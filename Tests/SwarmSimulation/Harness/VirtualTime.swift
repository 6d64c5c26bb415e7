/// A moment since the beginning of a simulation, or a span, in whole nanoseconds.
package struct VirtualTime: Comparable, Hashable, Sendable {
    package let nanoseconds: Int64

    package static let zero = VirtualTime(nanoseconds: 0)

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Rounded up, so that a timer is never early.
    package init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        nanoseconds = seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }

    package static func seconds(_ seconds: Double) -> VirtualTime {
        VirtualTime(nanoseconds: Int64((seconds * 1e9).rounded(.up)))
    }

    package static func milliseconds(_ milliseconds: Double) -> VirtualTime {
        .seconds(milliseconds / 1000)
    }

    package var seconds: Double { Double(nanoseconds) / 1e9 }
    package var duration: Duration { .nanoseconds(nanoseconds) }

    package static func < (left: Self, right: Self) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    package static func + (left: Self, right: Self) -> Self {
        VirtualTime(nanoseconds: left.nanoseconds + right.nanoseconds)
    }

    package static func - (left: Self, right: Self) -> Self {
        VirtualTime(nanoseconds: left.nanoseconds - right.nanoseconds)
    }

    package static func * (left: Self, right: Double) -> Self {
        .seconds(left.seconds * right)
    }
}
