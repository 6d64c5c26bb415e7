package import NIOCore

/// Our side of the beginning of what a SOCKS5 proxy does for us (RFC 1928, RFC 1929): a connection, up
/// to the point from which the destination is spoken with, or the relaying of datagrams, which goes on
/// as long as the connection stands.
package struct SOCKS5Handshake: Sendable {
    private enum Phase {
        case method, authentication, reply, done
    }

    /// `nil` to have datagrams relayed.
    private let destination: ProxyDestination?
    private let credentials: ProxyCredentials?
    private var phase = Phase.method
    /// Where datagrams are taken for relaying, once the proxy has agreed; the host may be
    /// unspecified, and is then the proxy's own.
    package private(set) var relay: (host: [UInt8], port: UInt16)?

    private static let version: UInt8 = 5
    private static let noAuthentication: UInt8 = 0
    private static let userAndPassword: UInt8 = 2
    private static let noMethod: UInt8 = 0xff
    private static let connect: UInt8 = 1
    private static let udpAssociate: UInt8 = 3
    private static let ipv4: UInt8 = 1
    private static let domainName: UInt8 = 3
    private static let ipv6: UInt8 = 4

    package init(to destination: ProxyDestination, credentials: ProxyCredentials?) {
        self.destination = destination
        self.credentials = credentials
    }

    /// Asks for a relay of datagrams.
    package init(relayingFor credentials: ProxyCredentials?) {
        destination = nil
        self.credentials = credentials
    }

    /// What is sent first.
    package var greeting: [UInt8] {
        let methods =
            credentials == nil
            ? [Self.noAuthentication] : [Self.noAuthentication, Self.userAndPassword]
        return [Self.version, UInt8(methods.count)] + methods
    }

    /// From here on the bytes are those of the destination.
    package var isComplete: Bool { phase == .done }

    /// Takes what has arrived as far as it is complete; the rest is left.
    ///
    /// - Returns: what is to be sent now, empty for nothing.
    package mutating func received(_ bytes: inout ByteBuffer) throws(ProxyError) -> [UInt8] {
        var output: [UInt8] = []
        while phase != .done {
            let answer: [UInt8]?
            switch phase {
            case .method: answer = try methodChosen(&bytes)
            case .authentication: answer = try authenticated(&bytes)
            case .reply: answer = try replied(&bytes)
            case .done: answer = nil
            }
            guard let answer else { return output }
            output += answer
        }
        return output
    }

    // Each returns `nil` if more bytes are needed.

    private mutating func methodChosen(_ bytes: inout ByteBuffer) throws(ProxyError) -> [UInt8]? {
        guard try beginsWith(Self.version, bytes), let message = bytes.readBytes(length: 2) else {
            return nil
        }
        switch message[1] {
        case Self.noAuthentication:
            phase = .reply
            return request
        case Self.userAndPassword:
            guard let credentials else { throw .malformed }
            phase = .authentication
            return [1, UInt8(credentials.user.utf8.count)] + credentials.user.utf8
                + [UInt8(credentials.password.utf8.count)] + credentials.password.utf8
        case Self.noMethod: throw .wantsCredentials
        default: throw .malformed
        }
    }

    private mutating func authenticated(_ bytes: inout ByteBuffer) throws(ProxyError) -> [UInt8]? {
        guard try beginsWith(1, bytes), let message = bytes.readBytes(length: 2) else {
            return nil
        }
        guard message[1] == 0 else { throw .wrongCredentials }
        phase = .reply
        return request
    }

    private mutating func replied(_ bytes: inout ByteBuffer) throws(ProxyError) -> [UInt8]? {
        guard try beginsWith(Self.version, bytes), bytes.readableBytes >= 5 else { return nil }
        let head = Array(bytes.readableBytesView.prefix(5))
        guard head[1] == 0 else { throw .refused(Self.reason(head[1])) }
        let addressLength: Int
        switch head[3] {
        case Self.ipv4: addressLength = 4
        case Self.ipv6: addressLength = 16
        case Self.domainName: addressLength = 1 + Int(head[4])
        default: throw .malformed
        }
        guard bytes.readableBytes >= 4 + addressLength + 2 else { return nil }
        let reply = Array(bytes.readableBytesView.prefix(4 + addressLength + 2))
        bytes.moveReaderIndex(forwardBy: reply.count)
        if destination == nil {
            let port = UInt16(reply[reply.count - 2]) << 8 | UInt16(reply[reply.count - 1])
            // A name would have to be looked up first, which no proxy asks for.
            guard head[3] != Self.domainName, port != 0 else { throw .malformed }
            relay = (Array(reply[4..<4 + addressLength]), port)
        }
        phase = .done
        return []
    }

    private func beginsWith(_ version: UInt8, _ bytes: ByteBuffer) throws(ProxyError) -> Bool {
        guard let first = bytes.readableBytesView.first else { return false }
        guard first == version else { throw .malformed }
        return true
    }

    private var request: [UInt8] {
        guard let destination else {
            // From where we send is seen from the first datagram.
            return [Self.version, Self.udpAssociate, 0, Self.ipv4, 0, 0, 0, 0, 0, 0]
        }
        return [Self.version, Self.connect, 0] + destination.socks5Address
    }

    /// RFC 1928, section 6.
    private static func reason(_ code: UInt8) -> String {
        switch code {
        case 1: "it failed"
        case 2: "its rules forbid it"
        case 3: "the network cannot be reached"
        case 4: "the host cannot be reached"
        case 5: "the connection was refused"
        case 6: "it took too long"
        case 7: "it knows no such command"
        case 8: "it knows no such kind of address"
        default: "code \(code)"
        }
    }
}
