/// What a port is mapped for; the numbers are those of IP.
package enum MappedTransport: UInt8, CaseIterable, Comparable, Sendable {
    case tcp = 6
    case udp = 17

    /// As UPnP writes it.
    package var name: String { self == .tcp ? "TCP" : "UDP" }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
