// For `SO_BINDTODEVICE`.
import Glibc
import NIOCore
import NIOPosix

/// Where a socket is bound: an address of this machine, and perhaps the only network interface that
/// it may use, written behind it as in `::%wg0` (RFC 4007, section 11).
package struct BindPlace: Hashable, Sendable, CustomStringConvertible {
    /// Numeric.
    package let host: String
    package let interface: String?

    /// Bytes of the name of an interface (`IFNAMSIZ` with its zero).
    private static let maximumNameByteCount = 15

    init(host: String, interface: String?) {
        self.host = host
        self.interface = interface
    }

    package var description: String { interface.map { "\(host)%\($0)" } ?? host }

    package init(_ text: String) {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        host = String(parts.first ?? "")
        interface = parts.count == 2 ? String(parts[1]) : nil
    }

    /// Whether the kernel would take the text: a numeric address, and a name that an interface can
    /// have.
    package var isWellFormed: Bool {
        guard (try? SocketAddress(ipAddress: host, port: 0)) != nil else { return false }
        guard let interface else { return true }
        return (1...Self.maximumNameByteCount).contains(interface.utf8.count)
            && interface.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
    }

    /// The address that keeps connections on the interface where it cannot be chosen itself; `nil` if
    /// no interface is given.
    ///
    /// Of an interface without an address it is one from which nothing leaves this machine.
    var sourceAddress: String? {
        guard let interface else { return nil }
        let addresses = ((try? System.enumerateDevices()) ?? []).filter { $0.name == interface }
            .compactMap(\.address)
        let address = addresses.first { $0.protocol == .inet } ?? addresses.first
        return address?.ipAddress ?? "127.0.0.1"
    }
}

extension Channel {
    /// Lets the socket use this interface alone; to be called before it is bound or connected.
    ///
    /// - Parameter interface: `nil` leaves it all.
    /// - Returns: fails if there is no such interface, or it may not be chosen (Linux before 5.7
    ///   asks for the right to).
    func use(interface: String?) -> EventLoopFuture<Void> {
        guard let interface else { return eventLoop.makeSucceededVoidFuture() }
        guard let socket = self as? any SocketOptionProvider else {
            return eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        // `char[IFNAMSIZ]`, whose end is zero.
        var name: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &name) { $0.copyBytes(from: interface.utf8.prefix(15)) }
        return socket.unsafeSetSocketOption(
            level: .socket,
            name: NIOBSDSocket.Option(rawValue: SO_BINDTODEVICE),
            value: name
        )
    }
}
