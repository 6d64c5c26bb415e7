import Glibc
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Answers commands that ask the server that runs, at the socket in its state directory.
struct Controlling: Service {
    /// Does what a command asks, tells `output` of it and returns the exit code of the command.
    ///
    /// It is cancelled when whoever asked has gone.
    typealias Handler =
        @Sendable (_ arguments: [String], _ output: @escaping ControlOutput) async throws -> Int32

    /// Commands that are answered at a time; more are turned down.
    private static let maximumCount = 16

    let stateDirectory: String
    /// By the names of their commands.
    let handlers: [String: Handler]
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            do {
                try await serve()
            } catch is CancellationError {
                return
            } catch {
                logger.warning("commands cannot ask this server: \(error)")
                // The end of a service would be the end of all.
                try? await gracefulShutdown()
            }
        }
    }

    private func serve() async throws {
        guard let socket = ControlSocket(stateDirectory: stateDirectory) else {
            throw Fault(description: "\(stateDirectory): \(String(cString: strerror(errno)))")
        }
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(unixDomainSocketPath: socket.path, cleanupExistingSocketFile: true) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        defer { socket.remove() }
        guard socket.keepToOwner() else {
            throw Fault(description: "\(socket.path): \(String(cString: strerror(errno)))")
        }
        try await listener.executeThenClose { connections in
            await withTaskGroup(of: Void.self) { group in
                var count = 0
                do {
                    for try await connection in connections {
                        if count == Self.maximumCount { await group.next() } else { count += 1 }
                        group.addTask { try? await answer(connection) }
                    }
                } catch is CancellationError {
                    // The server ends.
                } catch {
                    logger.warning("commands cannot ask this server any more: \(error)")
                }
                group.cancelAll()
            }
        }
    }

    private func answer(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await connection.executeThenClose { received, sender in
            try await withThrowingTaskGroup(of: Void.self) { group in
                var lines = ControlLines()
                var isAsked = false
                for try await bytes in received where !isAsked {
                    lines.append(bytes)
                    let request: ControlRequest
                    do {
                        guard let next = try lines.next(ControlRequest.self) else { continue }
                        request = next
                    } catch {
                        try await sender.write(ControlLines.line(ControlReply.failure("\(error)")))
                        return sender.finish()
                    }
                    isAsked = true
                    group.addTask {
                        let end = await end(of: request) { reply in
                            try await sender.write(ControlLines.line(reply))
                        }
                        try await sender.write(ControlLines.line(end))
                        sender.finish()
                    }
                }
                // Who has asked is gone.
                group.cancelAll()
            }
        }
    }

    private func end(
        of request: ControlRequest,
        _ output: @escaping ControlOutput
    ) async -> ControlReply {
        guard let handler = handlers[request.command] else {
            return .failure("the server that runs is older and knows no “\(request.command)”")
        }
        do {
            return .end(exitCode: try await handler(request.arguments, output))
        } catch {
            return .failure("\(error)")
        }
    }
}
