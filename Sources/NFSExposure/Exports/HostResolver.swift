import Glibc
package import NIOCore
import NIOPosix
import Synchronization

/// Host names and addresses, asked of the system: files, name servers, NIS.
///
/// What is asked may take its time, so threads of its own wait for it, and none waits for long.
package enum HostResolver {
    /// Started with the first question; they live as long as the process.
    private static let threads = {
        let threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        return threads
    }()

    /// Looks names up, one after another: all of them together take so long at most, and none is
    /// known after that.
    ///
    /// Blocks: for the time of loading, never for a call.
    package static func addresses(
        within patience: Duration = .seconds(10)
    ) -> (_ name: String) -> [IPAddress] {
        let end = ContinuousClock.now + patience
        return { name in
            let left = max(.zero, end - .now)
            let answer = ask(on: MultiThreadedEventLoopGroup.singleton.any(), within: left) {
                addresses(of: name)
            }
            return (try? answer.wait()) ?? []
        }
    }

    /// What is known of an address beside itself.
    ///
    /// - Parameter netgroups: those of which to tell whether it is in them.
    /// - Returns: an error if the time is over.
    package static func host(
        _ address: IPAddress,
        netgroups: Set<String>,
        on loop: any EventLoop,
        within patience: Duration
    ) -> EventLoopFuture<ClientHost> {
        ask(on: loop, within: patience) { host(address, netgroups: netgroups) }
    }

    /// The same, and blocks.
    package static func host(_ address: IPAddress, netgroups: Set<String>) -> ClientHost {
        // A name that does not lead back is only claimed by whoever has the address.
        let names = [name(of: address)].compactMap(\.self)
            .filter { addresses(of: $0).contains(address) }
        return ClientHost(
            address: address,
            names: names,
            netgroups: netgroups.filter { isIn($0, anyOf: names + ["\(address)"]) }
        )
    }

    /// innetgr(3) is not for several threads at a time.
    private static let netgroupQuestions = Mutex(())

    private static func isIn(_ netgroup: String, anyOf hosts: [String]) -> Bool {
        netgroupQuestions.withLock { _ in
            hosts.contains { innetgr(netgroup, $0, nil, nil) == 1 }
        }
    }

    private struct TimeIsOver: Error {}

    /// A question cannot be taken back: its answer is left behind if it comes too late.
    private static func ask<T: Sendable>(
        on loop: any EventLoop,
        within patience: Duration,
        _ question: @escaping @Sendable () -> T
    ) -> EventLoopFuture<T> {
        let promise = loop.makePromise(of: T.self)
        let timer = loop.scheduleTask(in: TimeAmount(patience)) { promise.fail(TimeIsOver()) }
        threads.runIfActive(eventLoop: loop, question).whenComplete { result in
            timer.cancel()
            promise.completeWith(result)
        }
        return promise.futureResult
    }

    /// Every address of a name, each once; none if the name is unknown.
    private static func addresses(of name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let address = address(of: entry), !found.contains(address) { found.append(address) }
            next = entry.ai_next
        }
        return found
    }

    private static func address(of entry: addrinfo) -> IPAddress? {
        guard let raw = entry.ai_addr else { return nil }
        switch entry.ai_family {
        case AF_INET:
            return raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                IPAddress(ipv4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
            }
        case AF_INET6:
            return raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                IPAddress($0.pointee.sin6_addr)
            }
        default:
            return nil
        }
    }

    private static func name(of address: IPAddress) -> String? {
        guard let socket = try? SocketAddress(ipAddress: "\(address)", port: 0) else { return nil }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = socket.withSockAddr { raw, size in
            getnameinfo(
                raw,
                socklen_t(size),
                &text,
                socklen_t(text.count),
                nil,
                0,
                NI_NAMEREQD
            )
        }
        guard code == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
