import Glibc
import NIOCore
import NIOPosix

/// Asks the server that runs.
struct ControlClient {
    let stateDirectory: String

    /// Hands the answer to `output`, part by part.
    ///
    /// - Returns: the exit code of the command; `nil` if no server runs.
    func ask(_ request: ControlRequest, _ output: ControlOutput) async throws -> Int32? {
        guard let connection = try await connect() else { return nil }
        return try await connection.executeThenClose { received, sender in
            try await sender.write(ControlLines.line(request))
            var lines = ControlLines()
            for try await bytes in received {
                lines.append(bytes)
                while let reply = try lines.next(ControlReply.self) {
                    switch reply {
                    case .line, .progress: try await output(reply)
                    case .failure(let reason): throw Fault(description: reason)
                    case .end(let exitCode): return exitCode
                    }
                }
            }
            throw Fault(description: "the server has ended before it was done; ask again")
        }
    }

    /// - Returns: `nil` if nobody listens.
    private func connect() async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer>? {
        guard let socket = ControlSocket(stateDirectory: stateDirectory) else { return nil }
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(unixDomainSocketPath: socket.path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                            wrappingChannelSynchronously: channel
                        )
                    }
                }
        } catch let error as IOError
            where [ENOENT, ECONNREFUSED].contains(error.errnoCode)
        {
            return nil
        } catch let error as IOError where [EACCES, EPERM].contains(error.errnoCode) {
            throw Fault(
                description:
                    "this user may not ask the server of \(stateDirectory); be who runs it, or root"
            )
        }
    }
}
