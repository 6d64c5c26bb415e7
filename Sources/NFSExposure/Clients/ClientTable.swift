import NIOCore
import Synchronization
import VirtualTree

/// The connections of each client.
///
/// What they read is theirs: it is asked for on their event loops when somebody wants to know, so that
/// no READ pays for it.
final class ClientTable: Sendable {
    private struct Client {
        var connections: [ObjectIdentifier: NIOLoopBound<NFSConnection>] = [:]
        /// What connections have read that are closed.
        var files: [FileID: any VirtualFile] = [:]
    }

    /// Files of which the torrents are told when a client has gone.
    private static let maximumFileCount = 64

    private let clients = Mutex<[IPAddress: Client]>([:])

    var addresses: [IPAddress] { clients.withLock { Array($0.keys) } }

    /// To be called on the loop of the connection.
    func opened(_ connection: NFSConnection, on loop: any EventLoop) {
        let bound = NIOLoopBound(connection, eventLoop: loop)
        clients.withLock {
            $0[connection.caller.address, default: Client()]
                .connections[ObjectIdentifier(connection)] = bound
        }
    }

    /// To be called on the loop of the connection, with the files that it has read.
    ///
    /// A client that has no connection for longer than `patience` reads no more. One that comes back
    /// sooner has lost its connection on the way.
    func closed(
        _ connection: NFSConnection,
        having files: [any VirtualFile],
        on loop: any EventLoop,
        patience: Duration
    ) {
        let (address, name) = (connection.caller.address, connection.caller.client)
        let isLast = clients.withLock { clients in
            guard var client = clients[address] else { return false }
            client.connections[ObjectIdentifier(connection)] = nil
            for file in files where client.files.count < Self.maximumFileCount {
                client.files[file.id] = file
            }
            clients[address] = client
            return client.connections.isEmpty
        }
        guard isLast else { return }
        loop.scheduleTask(in: TimeAmount(patience)) { self.leave(address, name) }
    }

    /// The client has said that it has nothing mounted any more, though it may stay connected.
    func unmounted(_ address: IPAddress) {
        let connections = clients.withLock { $0[address]?.connections.values.map(\.self) ?? [] }
        for connection in connections {
            connection.eventLoop.execute {
                let name = connection.value.caller.client
                for file in connection.value.files { file.noteLeft(by: name) }
            }
        }
    }

    private func leave(_ address: IPAddress, _ name: UInt64) {
        let gone = clients.withLock { clients in
            guard clients[address]?.connections.isEmpty == true else { return Client() }
            return clients.removeValue(forKey: address) ?? Client()
        }
        for file in gone.files.values { file.noteLeft(by: name) }
    }

    /// What each connection reads at this moment.
    func activities() async -> [IPAddress: [NFSConnection.Activity]] {
        let connections = clients.withLock { clients in
            clients.mapValues { Array($0.connections.values) }.filter { !$0.value.isEmpty }
        }
        var activities: [IPAddress: [NFSConnection.Activity]] = [:]
        for (address, connections) in connections {
            for connection in connections {
                let activity = try? await connection.eventLoop
                    .submit { connection.value.currentActivity }.get()
                activities[address, default: []] += activity.map { [$0] } ?? []
            }
        }
        return activities
    }
}
