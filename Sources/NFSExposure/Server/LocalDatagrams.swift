import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The UDP sockets of one port.
///
/// Under a wildcard address there is a socket for each address of this machine, because a reply must
/// leave from the address that was asked, or the client waits for it in vain. Addresses come and go:
/// ``update()`` follows them.
final class LocalDatagrams: Sendable {
    /// Addresses that are followed.
    private static let maximumSockets = 64

    private let host: String
    private let port: Int
    private let hearsBroadcasts: Bool
    private let group: any EventLoopGroup
    private let answer: @Sendable (SocketAddress) -> RPCDatagrams.Answer
    private let sockets = Mutex<[String: any Channel]>([:])

    /// - Parameters:
    ///   - hearsBroadcasts: whether a wildcard address itself has a socket as well: broadcasts
    ///     reach no other.
    ///   - answer: makes what answers at a local address.
    init(
        host: String,
        port: Int,
        hearsBroadcasts: Bool,
        group: any EventLoopGroup,
        answer: @escaping @Sendable (SocketAddress) -> RPCDatagrams.Answer
    ) {
        self.host = host
        self.port = port
        self.hearsBroadcasts = hearsBroadcasts
        self.group = group
        self.answer = answer
    }

    private var isWildcard: Bool { host == "0.0.0.0" || host == "::" }

    /// Opens sockets for addresses that are new, closes those of addresses that are gone.
    ///
    /// - Throws: if not one socket can be had.
    func update() async throws {
        let wanted = try addresses()
        let gone = sockets.withLock { sockets in
            let gone = sockets.filter { wanted[$0.key] == nil }
            for key in gone.keys { sockets[key] = nil }
            return gone.values
        }
        for channel in gone { channel.close(promise: nil) }
        var failure: (any Error)?
        for (key, address) in wanted where sockets.withLock({ $0[key] == nil }) {
            do {
                let channel = try await bind(address)
                sockets.withLock { $0[key] = channel }
            } catch {
                failure = error
            }
        }
        if let failure, sockets.withLock(\.isEmpty) { throw failure }
    }

    func close() async {
        let channels = sockets.withLock { sockets in
            defer { sockets = [:] }
            return Array(sockets.values)
        }
        for channel in channels { channel.close(promise: nil) }
        for channel in channels { try? await channel.closeFuture.get() }
    }

    private func addresses() throws -> [String: SocketAddress] {
        let own = try SocketAddress(ipAddress: host, port: port)
        guard isWildcard else { return ["\(own)": own] }
        var found = try System.enumerateDevices().compactMap(\.address)
            .filter { $0.protocol == own.protocol }
            .prefix(Self.maximumSockets)
        for index in found.indices { found[index].port = port }
        if hearsBroadcasts { found.append(own) }
        return Dictionary(found.map { ("\($0)", $0) }, uniquingKeysWith: { $1 })
    }

    private func bind(_ address: SocketAddress) async throws -> any Channel {
        let answer = answer(address)
        var bootstrap = DatagramBootstrap(group: group)
            // The wildcard address beside the others.
            .channelOption(.socketOption(.so_reuseaddr), value: hearsBroadcasts ? 1 : 0)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RPCDatagrams(answer: answer))
                }
            }
        if address.protocol == .inet6 {
            bootstrap = bootstrap.channelOption(NFSServer.onlyIPv6, value: 1)
        }
        return try await bootstrap.bind(to: address).get()
    }
}
