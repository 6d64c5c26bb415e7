package import BitTorrentProtocol

/// What a peer said before the pieces of its torrent were known: kept as it came, to be held against
/// the torrent once its metadata is here.
///
/// What would take more than its share of memory, or is out of order, makes the peer one whose
/// connection is not kept.
package struct EarlyMessages: Sendable {
    private var first: PeerMessage?
    private var haves: Set<UInt32> = []
    private var allowedFast: [UInt32] = []
    private var isChokingUs = true
    private var isInterested = false
    private var port: UInt16?
    private var handshakes: [PeerMessage] = []
    /// False once it said what cannot be kept.
    package private(set) var isComplete = true

    /// A torrent of as many pieces as there may be.
    private static let maximumBitfieldByteCount = 256 << 10
    private static let maximumHaveCount = 1 << 16
    private static let maximumAllowedFastCount = 64
    private static let maximumHandshakeCount = 4

    package init() {}

    package mutating func received(_ message: PeerMessage) {
        switch message {
        case .bitfield(let bytes):
            if bytes.count > Self.maximumBitfieldByteCount { isComplete = false }
            begin(with: message)
        case .haveAll, .haveNone: begin(with: message)
        case .have(let piece):
            haves.insert(piece)
            if haves.count > Self.maximumHaveCount { isComplete = false }
        case .allowedFast(let piece):
            if allowedFast.count < Self.maximumAllowedFastCount { allowedFast.append(piece) }
        case .choke: isChokingUs = true
        case .unchoke: isChokingUs = false
        case .interested: isInterested = true
        case .notInterested: isInterested = false
        case .port(let number): port = number
        case .extended(ExtensionHandshake.messageID, _):
            if handshakes.count < Self.maximumHandshakeCount { handshakes.append(message) }
        // Nothing was requested, and there is nothing to be requested of us.
        case .keepAlive, .request, .cancel, .reject, .suggest, .piece, .extended, .hashRequest,
            .hashes, .hashReject, .unknown:
            break
        }
        if !isComplete {
            first = nil
            haves = []
        }
    }

    /// The same in fewer messages, as the peer could have sent it.
    package var messages: [PeerMessage] {
        var messages = [first].compactMap { $0 }
        messages += haves.sorted().map { .have(piece: $0) }
        messages += allowedFast.map { .allowedFast(piece: $0) }
        messages += handshakes
        messages += [port.map(PeerMessage.port)].compactMap { $0 }
        if isInterested { messages.append(.interested) }
        if !isChokingUs { messages.append(.unchoke) }
        return messages
    }

    /// Of these only one may come, and before anything else but what is not about pieces.
    private mutating func begin(with message: PeerMessage) {
        if first != nil || !haves.isEmpty { isComplete = false }
        first = message
    }
}
