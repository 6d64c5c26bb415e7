import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

/// The session's UDP port, on which messages of the DHT and uTP datagrams come: a socket for each
/// address family, on one event loop.
actor DatagramPort {
    typealias TakeMessage = @Sendable ([UInt8], PeerAddress) -> Void
    typealias TakeDatagram = @Sendable (ByteBuffer, PeerAddress) -> Void

    /// UDP port, 0 before it is open.
    nonisolated let port = ListenPort()
    nonisolated let loop: any EventLoop
    private let hosts: ListenHosts
    private let connector: ProxyConnector?
    private let logger: Logger
    private var sockets: [Bool: DatagramSocket] = [:]
    private var takeMessage: TakeMessage = { _, _ in }
    private var takeDatagram: TakeDatagram = { _, _ in }
    private var burstEnded: @Sendable () -> Void = {}
    private var isClosed = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    /// - Parameter connector: to the proxy that relays every datagram, to and from addresses of IPv4;
    ///   `nil` for none.
    init(
        listenHost: String,
        connector: ProxyConnector? = nil,
        loop: any EventLoop,
        logger: Logger
    ) {
        hosts = ListenHosts(listenHost)
        self.connector = connector
        self.loop = loop
        self.logger = logger
    }

    /// Runs `body` on the port's loop, soon.
    nonisolated func run(_ body: @escaping @Sendable (isolated DatagramPort) -> Void) {
        loop.execute { self.assumeIsolated(body) }
    }

    // MARK: Life

    /// Opens the sockets that are not open yet, on this port if it is free.
    ///
    /// - Returns: the families there are, as `isIPv6`.
    @discardableResult
    func open(port: UInt16) async -> Set<Bool> {
        if let connector { return await open(through: connector) }
        for isIPv6 in [false, true] where sockets[isIPv6] == nil {
            guard let host = hosts[isIPv6: isIPv6] else { continue }
            // Another program may have the port; TCP and UDP ports are taken apart.
            for port in [port, 0] where sockets[isIPv6] == nil && !isClosed {
                await open(host, isIPv6: isIPv6, port: port)
            }
        }
        return Set(sockets.keys)
    }

    /// The port is the proxy's own business.
    private func open(through connector: ProxyConnector) async -> Set<Bool> {
        guard sockets.isEmpty, !isClosed, let host = hosts[isIPv6: false] else {
            return Set(sockets.keys)
        }
        let socket = DatagramSocket(
            host: host,
            isIPv6: false,
            connector: connector,
            loop: loop,
            receive: { [weak self] bytes, address in
                self?.assumeIsolated { $0.received(bytes, from: address) }
            },
            burstEnded: { [weak self] in self?.assumeIsolated { $0.burstEnded() } }
        )
        // One that cannot be had now may be, when there is something to send.
        sockets[false] = socket
        try? await socket.open().get()
        if let refusal = socket.refusal {
            logger.notice(
                "the proxy relays no datagrams, so that the DHT and uTP are off: \(refusal)"
            )
            return []
        }
        return [false]
    }

    private func open(_ host: String, isIPv6: Bool, port: UInt16) async {
        let socket = DatagramSocket(
            host: host,
            isIPv6: isIPv6,
            port: port,
            loop: loop,
            receive: { [weak self] bytes, address in
                self?.assumeIsolated { $0.received(bytes, from: address) }
            },
            burstEnded: { [weak self] in self?.assumeIsolated { $0.burstEnded() } }
        )
        guard (try? await socket.open().get()) != nil, let bound = socket.port else { return }
        guard !isClosed else { return socket.close() }
        sockets[isIPv6] = socket
        if self.port.value == 0 { self.port.value = bound }
        if port != bound {
            logger.notice("the DHT and uTP have another port", metadata: ["port": "\(bound)"])
        }
    }

    func close() {
        isClosed = true
        for socket in sockets.values { socket.close() }
    }

    // MARK: Datagrams

    /// - Parameter take: called on the loop with each message of the DHT.
    func takeMessages(_ take: @escaping TakeMessage) { takeMessage = take }

    /// - Parameters:
    ///   - take: called on the loop with what is no message of the DHT.
    ///   - burstEnded: called on the loop, after what could be read at once was taken.
    func takeDatagrams(
        _ take: @escaping TakeDatagram,
        burstEnded: @escaping @Sendable () -> Void
    ) {
        takeDatagram = take
        self.burstEnded = burstEnded
    }

    private func received(_ bytes: ByteBuffer, from address: PeerAddress) {
        // A dictionary, which a uTP datagram of version 1 cannot begin like.
        if bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == UInt8(ascii: "d") {
            takeMessage(Array(bytes.readableBytesView), address)
        } else {
            takeDatagram(bytes, address)
        }
    }

    func send(_ bytes: [UInt8], to address: PeerAddress) {
        sockets[address.isIPv6]?.send(bytes, to: address)
    }

    /// For use on the loop alone.
    func socket(isIPv6: Bool) -> NIOLoopBound<DatagramSocket>? {
        sockets[isIPv6].map { NIOLoopBound($0, eventLoop: loop) }
    }
}
