import Glibc
import VirtualTree

typealias Timestamp = FileAttributes.Timestamp

extension FileAttributes.Timestamp {
    /// The wall clock, only for what is stored the moment it is read: nothing shows "now".
    static var now: Self {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Self(
            seconds: UInt32(clamping: time.tv_sec),
            nanoseconds: UInt32(clamping: time.tv_nsec)
        )
    }
}
