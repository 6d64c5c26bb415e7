package import NIOCore
import NIOPosix

/// The threads on which piece-sized jobs run: hashing, writing, and reads that the page cache
/// cannot answer.
package final class DiskPool: Sendable {
    private let threads: NIOThreadPool

    /// - Parameter size: threads; two keep a fast disk busy and hash 3 GB/s.
    package init(size: Int = 2) {
        threads = NIOThreadPool(numberOfThreads: size)
        threads.start()
    }

    /// Runs `job` on a thread of the pool and completes the future on `loop`; fails it after
    /// `shutdown`.
    package func run<Value: Sendable>(
        on loop: any EventLoop,
        _ job: @escaping @Sendable () throws -> Value
    ) -> EventLoopFuture<Value> {
        threads.runIfActive(eventLoop: loop, job)
    }

    /// Runs `job` on a thread of the pool.
    package func run<Value: Sendable>(
        _ job: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await threads.runIfActive(job)
    }

    /// Ends the threads once the jobs that run have ended.
    package func shutdown() async throws { try await threads.shutdownGracefully() }
}
