import BitTorrentProtocol
// For `getaddrinfo`: NIO's own resolver is not to be had without a connection.
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// Looks up host names on threads of its own, because a name server may take its time.
enum HostResolver {
    /// Started with the first name; they live as long as the process.
    private static let threads = {
        let threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        return threads
    }()

    private static let maximumAddressCount = 32
    /// Names that are looked up or wait for it; without a network each takes its time.
    private static let maximumNameCount = 256
    /// Who waits for one name, at most.
    private static let maximumWaitCount = 256

    /// Who waits for which name: many torrents have the same trackers, and share one look-up.
    private static let waits = Mutex<[String: [EventLoopPromise<[PeerAddress]>]]>([:])

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
        promise.futureResult.whenComplete { _ in timer.cancel() }
        wait(for: host, with: promise)
        return try await promise.futureResult.get().compactMap { $0.withPort(port) }
    }

    private static func wait(for host: String, with promise: EventLoopPromise<[PeerAddress]>) {
        let isFirst = waits.withLock { waits -> Bool? in
            let count = waits[host]?.count ?? 0
            guard count < maximumWaitCount, count > 0 || waits.count < maximumNameCount else {
                return nil
            }
            waits[host, default: []].append(promise)
            return count == 0
        }
        guard let isFirst else {
            let reason = "too many names are being looked up"
            return promise.fail(RemoteFailure.unknownHost(host, reason: reason))
        }
        guard isFirst else { return }
        threads.submit { _ in
            let result = Result { try lookUp(host) }
            let promises = waits.withLock { $0.removeValue(forKey: host) ?? [] }
            for promise in promises { promise.completeWith(result) }
        }
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

    /// - Returns: the addresses, with a port that means nothing.
    private static func lookUp(_ host: String) throws -> [PeerAddress] {
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
            if let address = address(entry), !addresses.contains(address) {
                addresses.append(address)
            }
            next = entry.ai_next
        }
        return addresses
    }

    private static func address(_ entry: addrinfo) -> PeerAddress? {
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
        return PeerAddress(numericHost: host, port: 1)
    }
}
