import BitTorrentProtocol
// For `getaddrinfo`: NIO's own resolver is not to be had without a connection.
import Glibc
import NIOCore
import NIOPosix

/// Looks up host names on threads of its own, because a name server may take its time.
enum HostResolver {
    /// Started with the first name; they live as long as the process.
    private static let threads = {
        let threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        return threads
    }()

    private static let maximumAddressCount = 32

    /// The addresses of a host of either family, in the order in which they should be tried.
    ///
    /// - Parameter host: a name or a numeric address without brackets.
    /// - Throws: `RemoteFailure.unknownHost`, also when the time is over.
    static func addresses(
        of host: String,
        port: UInt16,
        on loop: any EventLoop,
        within timeout: Duration
    ) async throws -> [PeerAddress] {
        if let address = PeerAddress(numericHost: host, port: port) { return [address] }
        let promise = loop.makePromise(of: [PeerAddress].self)
        // A look-up cannot be interrupted, so it is left behind; the first to complete counts.
        let timer = loop.scheduleTask(in: TimeAmount(timeout)) {
            promise.fail(RemoteFailure.unknownHost(host, reason: "no answer in time"))
        }
        threads.runIfActive(eventLoop: loop) { try lookUp(host, port: port) }
            .whenComplete { result in
                timer.cancel()
                promise.completeWith(result)
            }
        return try await promise.futureResult.get()
    }

    /// As `addresses`, but refuses a host that has any address which the filter forbids.
    static func addresses(
        of host: String,
        port: UInt16,
        allowedBy filter: AddressFilter,
        on loop: any EventLoop,
        within timeout: Duration
    ) async throws -> [PeerAddress] {
        guard filter.allows(host: host) else { throw RemoteFailure.forbiddenHost(host) }
        let addresses = try await addresses(of: host, port: port, on: loop, within: timeout)
        guard addresses.allSatisfy(filter.mayAsk) else {
            throw RemoteFailure.forbiddenHost(host)
        }
        return addresses
    }

    private static func lookUp(_ host: String, port: UInt16) throws -> [PeerAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &first)
        guard code == 0 else {
            throw RemoteFailure.unknownHost(host, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(first) }
        var addresses: [PeerAddress] = []
        var next = first
        while let entry = next?.pointee, addresses.count < maximumAddressCount {
            if let address = address(entry, port: port), !addresses.contains(address) {
                addresses.append(address)
            }
            next = entry.ai_next
        }
        return addresses
    }

    private static func address(_ entry: addrinfo, port: UInt16) -> PeerAddress? {
        var text = [UInt8](repeating: 0, count: Int(NI_MAXHOST))
        let code = text.withUnsafeMutableBytes { bytes in
            getnameinfo(
                entry.ai_addr,
                entry.ai_addrlen,
                bytes.bindMemory(to: CChar.self).baseAddress,
                socklen_t(bytes.count),
                nil,
                0,
                NI_NUMERICHOST
            )
        }
        guard code == 0 else { return nil }
        let host = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        return PeerAddress(numericHost: host, port: port)
    }
}
