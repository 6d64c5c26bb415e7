import Glibc
package import NIOCore
package import NIOPosix
import Synchronization

/// A file descriptor that is held back for the moment when there are no others.
///
/// A connection that cannot be accepted stays in the queue, and the listener would be told of it
/// again and again. With the spare one it is accepted and closed: its client learns at once that
/// there is no room.
package final class SpareDescriptor: Sendable {
    private let descriptor: Mutex<CInt>

    package init() {
        descriptor = Mutex(Self.open())
    }

    deinit {
        descriptor.withLock { if $0 >= 0 { close($0) } }
    }

    private var isInUse: Bool { descriptor.withLock { $0 < 0 } }

    fileprivate func lend() {
        descriptor.withLock {
            if $0 >= 0 { close($0) }
            $0 = -1
        }
    }

    /// - Returns: the connection that was accepted with it, on its way to being closed; `nil` if
    ///   the spare is not in use.
    package func refuse(_ channel: any Channel) -> EventLoopFuture<Void>? {
        guard isInUse else { return nil }
        channel.closeFuture.whenComplete { _ in self.takeBack() }
        return channel.close()
    }

    private func takeBack() {
        descriptor.withLock { if $0 < 0 { $0 = Self.open() } }
    }

    private static func open() -> CInt { Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }
}

extension ServerBootstrap {
    /// Lends the spare descriptor when there is none for a connection, and says so.
    ///
    /// What accepts connections is to ask ``SpareDescriptor/refuse(_:)`` first.
    package func lending(
        _ spare: SpareDescriptor,
        report: @escaping @Sendable (any Error) -> Void
    ) -> ServerBootstrap {
        serverChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    AcceptFailureHandler(spare: spare, report: report)
                )
            }
        }
    }
}

/// Lends the spare descriptor when a listener has none for a connection.
package final class AcceptFailureHandler: ChannelInboundHandler {
    package typealias InboundIn = any Channel

    private let spare: SpareDescriptor
    private let report: (any Error) -> Void

    package init(spare: SpareDescriptor, report: @escaping (any Error) -> Void) {
        self.spare = spare
        self.report = report
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError, [EMFILE, ENFILE].contains(error.errnoCode) {
            spare.lend()
            report(error)
        } else {
            context.fireErrorCaught(error)
        }
    }
}
