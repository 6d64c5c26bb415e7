package import BitTorrentProtocol

/// The extension protocol (BEP 10) on all connections of one torrent: our handshake and what peers
/// say in theirs, and the messages of `ut_metadata` (BEP 9), `ut_pex` (BEP 11) and `ut_holepunch`
/// (BEP 55).
package struct PeerExtensions {
    package typealias Instant = ContinuousClock.Instant

    /// What the owner must do next, in order.
    package enum Action: Equatable, Sendable {
        /// Send an extended message with this id.
        case send(id: UInt8, [UInt8], to: PeerKey)
        /// Peers have told of these addresses.
        case found([PeerAddress])
        /// The peer keeps so many requests waiting and drops more (`reqq`).
        case limitRequests(Int, of: PeerKey)
        /// A peer asks for the metadata, which is not here: read it, then report `loaded`.
        case loadMetadata
        /// Every byte of the metadata has come: hash it; if it is wrong, report `refused`.
        case complete([UInt8])
        /// The peer wants no data, or does again (BEP 21).
        case uploadOnly(Bool, of: PeerKey)
        /// The peer has the piece no more (BEP 54).
        case dontHave(piece: UInt32, of: PeerKey)
        /// The peer sees us under this address of 4 or 16 bytes.
        case ownHost([UInt8], by: PeerKey)
        /// All bytes of metadata that was refused are from this peer.
        case blame(PeerKey)
        /// Dial it now and by uTP, if it is wanted: it dials us at the same moment (BEP 55).
        case punch(PeerAddress)
    }

    /// Where the torrent's metadata is.
    package enum Metadata: Equatable, Sendable {
        /// With peers: it is fetched from them.
        case unknown
        /// With the owner, who reads it when a peer asks.
        case stored(byteCount: Int, isPrivate: Bool)
    }

    /// What our handshake says about us at this moment.
    package struct Greeting: Sendable {
        /// Where we listen; 0 while we do not.
        package var listenPort: UInt16
        /// We have every piece (BEP 21).
        package var isUploadOnly: Bool

        package init(listenPort: UInt16, isUploadOnly: Bool) {
            self.listenPort = listenPort
            self.isUploadOnly = isUploadOnly
        }
    }

    private struct Peer {
        let address: PeerAddress
        let isIncoming: Bool
        let transport: Transport
        /// Where we listen; 0 while we do not.
        let ownPort: UInt16
        var handshake: ExtensionHandshake?

        /// Where it listens; of an incoming connection unknown before its handshake.
        ///
        /// By uTP a peer connects from there.
        var endpoint: PeerAddress? {
            guard isIncoming else { return address }
            return transport == .utp
                ? handshake.map { _ in address } : handshake?.port.flatMap { address.withPort($0) }
        }
    }

    /// `v` of our handshake.
    package static let client = "Sluice 0.1"
    /// Requests of metadata that wait until it is loaded; more are ignored.
    private static let maximumWaiting = 256

    private let metadata: Metadata
    private let maximumRequestCount: Int
    private var peers: [PeerKey: Peer] = [:]
    /// `nil` while the metadata is stored and nobody has asked for it.
    private var exchange: MetadataExchange?
    private var peerExchange: PeerExchange
    /// `nil` unless peers are reached by uTP and may be met through others.
    private var holepunch: Holepunch?
    private var waiting: [(message: MetadataMessage, key: PeerKey)] = []
    private var actions: [Action] = []

    /// - Parameters:
    ///   - maximumRequestCount: requests of a peer that we keep waiting (`reqq`).
    ///   - allowsLocalAddresses: see `PeerExchange`.
    ///   - dialsByUTP: peers are reached by uTP, so that holes can be punched (BEP 55).
    package init(
        metadata: Metadata,
        maximumRequestCount: Int,
        allowsLocalAddresses: Bool,
        dialsByUTP: Bool = false
    ) {
        self.metadata = metadata
        self.maximumRequestCount = maximumRequestCount
        peerExchange = PeerExchange(
            isPrivate: metadata.isPrivate,
            allowsLocalAddresses: allowsLocalAddresses
        )
        if dialsByUTP, !metadata.isPrivate {
            holepunch = Holepunch(allowsLocalAddresses: allowsLocalAddresses)
        }
        exchange = Self.exchange(of: metadata)
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions = [] }
        return actions
    }

    package var nextDeadline: Instant? {
        guard let other = exchange?.nextDeadline else { return peerExchange.nextDeadline }
        return peerExchange.nextDeadline.map { min($0, other) } ?? other
    }

    /// Whether a peer offers the extension; `nil` until its handshake has come.
    package func offers(_ one: PeerExtension, _ key: PeerKey) -> Bool? {
        peers[key]?.handshake.map { $0.messageID(of: one) != nil }
    }

    /// Bytes of the metadata as the peer claims.
    package func claimedMetadataByteCount(of key: PeerKey) -> Int? {
        peers[key]?.handshake?.metadataByteCount
    }

    // MARK: Events

    /// A connection is up, and what comes first (BEP 6) is sent.
    ///
    /// - Parameters:
    ///   - address: where we dialled; of an incoming connection the remote end of the socket.
    ///   - isExtended: the peer speaks the extension protocol, so it gets our handshake.
    package mutating func connected(
        _ key: PeerKey,
        address: PeerAddress,
        isIncoming: Bool,
        by transport: Transport = .tcp,
        isExtended: Bool,
        greeting: Greeting
    ) {
        peers[key] = Peer(
            address: address,
            isIncoming: isIncoming,
            transport: transport,
            ownPort: greeting.listenPort
        )
        holepunch?.connected(key, from: address)
        tellOthers(of: key)
        guard isExtended else { return }
        var offered: [PeerExtension] = [.uploadOnly, .dontHave]
        if !metadata.isPrivate { offered += [.metadata, .peerExchange] }
        if holepunch != nil { offered.append(.holepunch) }
        var handshake = ExtensionHandshake(offering: offered)
        handshake.client = Self.client
        handshake.port = greeting.listenPort == 0 ? nil : greeting.listenPort
        handshake.maximumRequestCount = maximumRequestCount
        handshake.receiverHost = address.host
        handshake.isUploadOnly = greeting.isUploadOnly ? true : nil
        if case .stored(let byteCount, isPrivate: false) = metadata {
            handshake.metadataByteCount = byteCount
        }
        actions.append(.send(id: ExtensionHandshake.messageID, handshake.encode(), to: key))
    }

    package mutating func disconnected(_ key: PeerKey, now: Instant) {
        guard peers.removeValue(forKey: key) != nil else { return }
        peerExchange.disconnected(key)
        holepunch?.disconnected(key)
        exchange?.left(key, now: now)
        waiting.removeAll { $0.key == key }
        // A torrent without peers keeps no metadata in memory.
        if peers.isEmpty, metadata != .unknown { exchange = Self.exchange(of: metadata) }
        collect()
    }

    /// Nobody answers at an address: another peer may bring us together (BEP 55).
    package mutating func dialFailed(_ address: PeerAddress, now: Instant) {
        holepunch?.dialFailed(address, now: now)
        collect()
    }

    /// An extended message.
    ///
    /// One that cannot be read, or that belongs to no extension of ours, is ignored.
    package mutating func received(
        id: UInt8,
        _ payload: [UInt8],
        from key: PeerKey,
        now: Instant
    ) {
        guard peers[key] != nil else { return }
        if id == ExtensionHandshake.messageID {
            if let handshake = try? ExtensionHandshake(decoding: payload) {
                received(handshake, from: key, now: now)
            }
        } else if let one = PeerExtension(localID: id) {
            switch one {
            case .metadata:
                if let message = try? MetadataMessage(decoding: payload) {
                    received(message, from: key, now: now)
                }
            case .peerExchange:
                if let message = try? PeerExchangeMessage(decoding: payload) {
                    let found = peerExchange.received(message, from: key, now: now)
                    holepunch?.introduced(found, by: key)
                    if !found.isEmpty { actions.append(.found(found.map(\.address))) }
                }
            case .holepunch:
                if let message = try? HolepunchMessage(decoding: payload) {
                    holepunch?.received(message, from: key, now: now)
                }
            case .uploadOnly:
                guard payload.count == 1, let flag = payload.first else { return }
                let isUploadOnly = flag != 0
                peers[key]?.handshake?.isUploadOnly = isUploadOnly
                tellOthers(of: key)
                actions.append(.uploadOnly(isUploadOnly, of: key))
            case .dontHave:
                guard payload.count == 4 else { return }
                let piece = payload.reduce(0) { $0 << 8 | UInt32($1) }
                actions.append(.dontHave(piece: piece, of: key))
            }
        }
        collect()
    }

    /// Tells a peer that we have the piece no more, if it speaks `lt_donthave` (BEP 54); for another
    /// its requests are rejected, or stay without an answer.
    package mutating func tellLost(_ piece: PieceIndex, to key: PeerKey) {
        let number = piece.rawValue
        send(.dontHave, (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }, to: key)
    }

    /// Tells every peer whether we want data from now on (BEP 21).
    package mutating func tellUploadOnly(_ isUploadOnly: Bool) {
        for key in peers.keys.sorted() { send(.uploadOnly, [isUploadOnly ? 1 : 0], to: key) }
    }

    package mutating func timerFired(now: Instant) {
        peerExchange.timerFired(now: now)
        exchange?.timerFired(now: now)
        collect()
    }

    /// The metadata that `loadMetadata` asked for, or `nil` if it cannot be read.
    package mutating func loaded(_ bytes: [UInt8]?, now: Instant) {
        guard exchange == nil else { return }
        let messages = waiting
        waiting = []
        guard !peers.isEmpty else { return }
        var loaded = MetadataExchange(serving: bytes ?? [], isShared: bytes != nil)
        for key in peers.keys.sorted() where offers(.metadata, key) == true {
            loaded.joined(key, claimedByteCount: nil, now: now)
        }
        for (message, key) in messages { loaded.received(message, from: key, now: now) }
        // What could not be read may be readable when the next peer asks.
        exchange = loaded
        collect()
        if bytes == nil { exchange = nil }
    }

    /// What was complete has the wrong hash: it is fetched again.
    package mutating func refused(now: Instant) {
        exchange?.refused(now: now)
        collect()
    }

    // MARK: Messages

    private mutating func received(
        _ handshake: ExtensionHandshake,
        from key: PeerKey,
        now: Instant
    ) {
        var merged = peers[key]?.handshake ?? ExtensionHandshake()
        merged.merge(handshake)
        peers[key]?.handshake = merged
        if let count = handshake.maximumRequestCount {
            actions.append(.limitRequests(count, of: key))
        }
        if let isUploadOnly = handshake.isUploadOnly {
            actions.append(.uploadOnly(isUploadOnly, of: key))
        }
        if let host = handshake.receiverHost { actions.append(.ownHost(host, by: key)) }
        tellOthers(of: key)
        if merged.messageID(of: .peerExchange) != nil {
            peerExchange.enabled(key, now: now)
        } else {
            peerExchange.disabled(key)
        }
        if merged.messageID(of: .metadata) != nil {
            exchange?.joined(key, claimedByteCount: merged.metadataByteCount, now: now)
        }
        // Its first message is due at once.
        peerExchange.timerFired(now: now)
    }

    private mutating func received(
        _ message: MetadataMessage,
        from key: PeerKey,
        now: Instant
    ) {
        if exchange != nil {
            exchange?.received(message, from: key, now: now)
        } else if case .request = message, waiting.count < Self.maximumWaiting,
            offers(.metadata, key) == true
        {
            waiting.append((message, key))
            if waiting.count == 1 { actions.append(.loadMetadata) }
        }
    }

    /// Where the peer listens, if we know, and what it said of itself.
    private mutating func tellOthers(of key: PeerKey) {
        guard let peer = peers[key] else { return }
        let isWilling = offers(.holepunch, key) == true
        var flags: PeerExchangeMessage.Flags = peer.isIncoming ? [] : .reachable
        if peer.handshake?.isUploadOnly == true { flags.insert(.uploadOnly) }
        if peer.transport == .utp { flags.insert(.supportsUTP) }
        if isWilling { flags.insert(.supportsHolepunch) }
        peerExchange.connected(
            key,
            as: peer.endpoint.map { PeerExchangeMessage.Peer(address: $0, flags: flags) }
        )
        holepunch?.learned(
            of: key,
            endpoint: peer.endpoint,
            ownEndpoint: peer.handshake?.receiverHost.flatMap {
                PeerAddress(host: $0, port: peer.ownPort)
            },
            isWilling: isWilling
        )
    }

    private mutating func collect() {
        for action in exchange?.takeActions() ?? [] {
            switch action {
            case .send(let message, let key): send(.metadata, message.encode(), to: key)
            case .complete(let bytes): actions.append(.complete(bytes))
            case .blame(let key): actions.append(.blame(key))
            }
        }
        for case .send(let message, let key) in peerExchange.takeActions() {
            send(.peerExchange, message.encode(), to: key)
        }
        for action in holepunch?.takeActions() ?? [] {
            switch action {
            case .send(let message, let key): send(.holepunch, message.encode(), to: key)
            case .dial(let address): actions.append(.punch(address))
            }
        }
    }

    private mutating func send(_ one: PeerExtension, _ payload: [UInt8], to key: PeerKey) {
        guard let id = peers[key]?.handshake?.messageID(of: one) else { return }
        actions.append(.send(id: id, payload, to: key))
    }

    /// Nothing is read from the disk for those who are to get nothing.
    private static func exchange(of metadata: Metadata) -> MetadataExchange? {
        switch metadata {
        case .unknown: MetadataExchange()
        case .stored(_, isPrivate: true): MetadataExchange(serving: [], isShared: false)
        case .stored(_, isPrivate: false): nil
        }
    }
}

extension PeerExtensions.Metadata {
    fileprivate var isPrivate: Bool {
        if case .stored(_, isPrivate: true) = self { true } else { false }
    }
}
