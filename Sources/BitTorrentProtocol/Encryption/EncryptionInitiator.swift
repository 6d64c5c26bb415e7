import Cryptography
package import NIOCore

/// The side of an encrypted handshake that made the connection (message stream encryption, steps 1
/// and 3).
///
/// Takes bytes however they are cut. After an error it must not be used any more.
package struct EncryptionInitiator: Sendable {
    private enum Phase {
        case key
        case verification([UInt8])
        case choice
        case padding(EncryptionMethods, byteCount: Int)
    }

    private let infoHash: InfoHash
    private let offered: EncryptionMethods
    private let initialPayload: ByteBuffer
    private let keys: DiffieHellman768
    private let firstPadding: [UInt8]
    private let secondPadding: [UInt8]

    private var phase = Phase.key
    private var ciphers: StreamCiphers?
    private var input = ByteBuffer()

    /// - Parameters:
    ///   - infoHash: the torrent; the other side must have it.
    ///   - offered: not empty.
    ///   - initialPayload: travels inside the handshake and saves a round trip; the BitTorrent
    ///     handshake.
    ///   - generator: makes the private key, so it must be unpredictable except in tests.
    /// - Precondition: the payload has at most 16 KiB.
    package init(
        infoHash: InfoHash,
        offering offered: EncryptionMethods,
        initialPayload: ByteBuffer,
        using generator: inout some RandomNumberGenerator
    ) {
        precondition(!offered.isEmpty)
        precondition(
            initialPayload.readableBytes <= EncryptionHandshake.maximumInitialPayloadByteCount
        )
        self.infoHash = infoHash
        self.offered = offered
        self.initialPayload = initialPayload
        keys = DiffieHellman768(using: &generator)
        firstPadding = EncryptionHandshake.padding(using: &generator)
        secondPadding = EncryptionHandshake.padding(using: &generator)
    }

    /// What to send first, at once.
    package var greeting: ByteBuffer { ByteBuffer(bytes: keys.publicKey + firstPadding) }

    package mutating func received(_ bytes: ByteBuffer) throws(EncryptionError) -> EncryptionStep {
        input.writeImmutableBuffer(bytes)
        var reply = ByteBuffer()
        while true {
            switch phase {
            case .key:
                guard let key = input.readBytes(length: DiffieHellman768.byteCount) else {
                    return EncryptionStep(reply: reply, connection: nil)
                }
                try answer(key, into: &reply)
            case .verification(let encrypted):
                guard try input.skipPadding(through: encrypted) else {
                    return EncryptionStep(reply: reply, connection: nil)
                }
                phase = .choice
            case .choice:
                guard var fields = decrypted(count: 6), let bits: UInt32 = fields.readInteger(),
                    let length: UInt16 = fields.readInteger()
                else { return EncryptionStep(reply: reply, connection: nil) }
                let method = EncryptionMethods(rawValue: bits)
                guard method == .plaintext || method == .rc4, offered.contains(method) else {
                    throw .wrongMethod(method)
                }
                let count = try EncryptionHandshake.paddingByteCount(length)
                phase = .padding(method, byteCount: count)
            case .padding(let method, let count):
                guard decrypted(count: count) != nil else {
                    return EncryptionStep(reply: reply, connection: nil)
                }
                return EncryptionStep(reply: reply, connection: connection(method))
            }
        }
    }

    /// Step 3: proves that we know the torrent, and makes the offer.
    private mutating func answer(
        _ key: [UInt8],
        into reply: inout ByteBuffer
    ) throws(EncryptionError) {
        guard let shared = keys.sharedSecret(with: key) else { throw .degenerateKey }
        let secret = EncryptionSecret(shared)
        reply.writeBytes(secret.marker)
        reply.writeBytes(ObfuscatedInfoHash(infoHash).bytes(maskedBy: secret.mask))
        var offer = ByteBuffer(bytes: EncryptionHandshake.verification)
        offer.writeInteger(offered.rawValue)
        offer.writeInteger(UInt16(secondPadding.count))
        offer.writeBytes(secondPadding)
        offer.writeInteger(UInt16(initialPayload.readableBytes))
        offer.writeImmutableBuffer(initialPayload)
        var ciphers = secret.ciphers(for: infoHash, isInitiator: true)
        reply.writeImmutableBuffer(ciphers.encrypt(offer))
        // What the other side's zeros look like; its stream goes on behind them.
        let zeros = ciphers.decrypt(ByteBuffer(bytes: EncryptionHandshake.verification))
        self.ciphers = ciphers
        phase = .verification(Array(zeros.readableBytesView))
    }

    private mutating func decrypted(count: Int) -> ByteBuffer? {
        input.readSlice(length: count).flatMap { ciphers?.decrypt($0) }
    }

    private mutating func connection(_ method: EncryptionMethods) -> EncryptedConnection {
        let rest = input
        input = ByteBuffer()
        guard method == .rc4, let received = ciphers?.decrypt(rest) else {
            return EncryptedConnection(infoHash: infoHash, ciphers: nil, received: rest)
        }
        return EncryptedConnection(infoHash: infoHash, ciphers: ciphers, received: received)
    }
}
