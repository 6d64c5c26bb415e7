import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

/// The uTP connections of the session (BEP 29), over its UDP port: who has which datagram, whom to
/// accept.
actor UTPService {
    /// Adds the handlers to a connection that a peer asked for, or throws to turn it away.
    typealias Accept = @Sendable (any Channel) throws -> Void

    /// Connections at a time, both ways; more are not accepted.
    private static let maximumCount = 4096

    nonisolated let loop: any EventLoop
    private let datagrams: DatagramPort
    private let logger: Logger
    private var listener = UTPListener(seed: UInt64.random(in: 0 ... .max))
    private var channels: [UTPListener.Key: UTPChannel] = [:]
    /// Those that have had datagrams in this burst.
    private var burst: [UTPChannel] = []
    private var accept: Accept?
    private var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    init(datagrams: DatagramPort, logger: Logger) {
        self.datagrams = datagrams
        self.logger = logger
        loop = datagrams.loop
    }

    // MARK: Life

    /// - Parameters:
    ///   - port: UDP port that is taken if it is free.
    ///   - accept: `nil` if peers cannot connect to us.
    func start(port: UInt16, accept: Accept?) async {
        await datagrams.open(port: port)
        guard !isStopped else { return }
        self.accept = accept
        await datagrams.takeDatagrams(
            { [weak self] bytes, address in
                self?.assumeIsolated { $0.received(bytes, from: address) }
            },
            burstEnded: { [weak self] in self?.assumeIsolated { $0.burstEnded() } }
        )
    }

    /// Says goodbye on every connection.
    func shutdown() {
        isStopped = true
        accept = nil
        for channel in channels.values { channel.close(promise: nil) }
    }

    // MARK: Dialling

    /// - Returns: a connection without handlers, after its `channelActive`; it lives on `loop`.
    nonisolated func connect(to address: PeerAddress) -> EventLoopFuture<any Channel> {
        loop.flatSubmit { self.assumeIsolated { $0.dial(address) } }
    }

    private func dial(_ address: PeerAddress) -> EventLoopFuture<any Channel> {
        guard !isStopped, let remote = try? address.socketAddress,
            let socket = datagrams.assumeIsolated({ $0.socket(isIPv6: address.isIPv6) })
        else { return loop.makeFailedFuture(UTPError.noSocket) }
        let id = listener.unusedID(for: address) { channels[$0] != nil }
        guard let id else { return loop.makeFailedFuture(UTPError.noNumber) }
        let channel = makeChannel(
            UTPConnection(
                connectingAs: id,
                sequence: listener.randomSequence(),
                isIPv6: address.isIPv6,
                now: .now
            ),
            UTPListener.Key(address: address, receiveID: id),
            remote: remote,
            socket: socket.value
        )
        return channel.connect()
    }

    private func makeChannel(
        _ connection: UTPConnection,
        _ key: UTPListener.Key,
        remote: SocketAddress,
        socket: DatagramSocket
    ) -> UTPChannel {
        let channel = UTPChannel(
            connection,
            remote: remote,
            socket: socket,
            loop: loop
        ) { [weak self] ended in
            self?.assumeIsolated { service in
                if service.channels[key] === ended { service.channels[key] = nil }
            }
        }
        channels[key] = channel
        return channel
    }

    // MARK: Datagrams

    private func received(_ bytes: ByteBuffer, from address: PeerAddress) {
        var payload = bytes
        guard let header = UTPHeader(consuming: &payload) else { return }
        if let channel = channel(of: header, from: address) {
            take(header, payload, by: channel)
            return
        }
        guard accept != nil else { return }
        let answer = listener.received(header, from: address, now: .now) { channels[$0] != nil }
        switch answer {
        case .none: break
        case .send(let header):
            var bytes = ByteBuffer()
            header.encode(into: &bytes)
            let answer = Array(bytes.readableBytesView)
            datagrams.assumeIsolated { $0.send(answer, to: address) }
        case .accept(let request): accept(request, header, payload)
        }
    }

    private func channel(of header: UTPHeader, from address: PeerAddress) -> UTPChannel? {
        func channel(_ id: UInt16) -> UTPChannel? {
            channels[UTPListener.Key(address: address, receiveID: id)]
        }
        switch header.kind {
        case .syn: return nil
        case .data, .fin, .state: return channel(header.connectionID)
        case .reset:
            // It has the number of the datagram that it answers, or that of those that come.
            return [0, 1, .max].lazy.map { header.connectionID &+ $0 }
                .compactMap { id in channel(id).map { (id, $0) } }
                .first {
                    $0 == header.connectionID || $1.connection.hasSendID(header.connectionID)
                }?
                .1
        }
    }

    private func take(_ header: UTPHeader, _ payload: ByteBuffer, by channel: UTPChannel) {
        if !channel.isInBurst {
            channel.isInBurst = true
            burst.append(channel)
        }
        channel.received(header, payload: payload)
    }

    private func burstEnded() {
        guard !burst.isEmpty else { return }
        let channels = burst
        burst = []
        for channel in channels { channel.burstEnded() }
    }

    private func accept(
        _ request: UTPListener.Request,
        _ header: UTPHeader,
        _ payload: ByteBuffer
    ) {
        guard let accept, channels.count < Self.maximumCount,
            let remote = try? request.key.address.socketAddress,
            let socket = datagrams.assumeIsolated({
                $0.socket(isIPv6: request.key.address.isIPv6)
            })
        else { return }
        let channel = makeChannel(
            UTPConnection(accepting: request, now: .now),
            request.key,
            remote: remote,
            socket: socket.value
        )
        channel.pipeline.fireChannelRegistered()
        do {
            try accept(channel)
        } catch {
            logger.debug("a peer is turned away: \(error)", metadata: ["peer": "\(remote)"])
            return channel.close(promise: nil)
        }
        channel.begin()
        take(header, payload, by: channel)
    }
}
