import Cryptography
package import NIOCore

/// The side of an encrypted handshake that accepted the connection (message stream encryption,
/// steps 2 and 4).
///
/// Takes bytes however they are cut. After an error it must not be used any more.
package struct EncryptionResponder: Sendable {
    private enum Phase {
        case key
        case marker(EncryptionSecret)
        case name(EncryptionSecret)
        case offer
        case padding(EncryptionMethods, byteCount: Int)
        case initialPayload(EncryptionMethods, byteCount: Int)
    }

    private let accepted: EncryptionMethods
    private let keys: DiffieHellman768
    private let firstPadding: [UInt8]
    private let secondPadding: [UInt8]

    private var phase = Phase.key
    private var torrent: (infoHash: InfoHash, ciphers: StreamCiphers)?
    private var input = ByteBuffer()

    /// - Parameter generator: makes the private key, so it must be unpredictable except in tests.
    package init(
        accepting accepted: EncryptionMethods,
        using generator: inout some RandomNumberGenerator
    ) {
        self.accepted = accepted
        keys = DiffieHellman768(using: &generator)
        firstPadding = EncryptionHandshake.padding(using: &generator)
        secondPadding = EncryptionHandshake.padding(using: &generator)
    }

    /// - Parameter find: the torrent of this name, `nil` if there is none; asked at most once.
    package mutating func received(
        _ bytes: ByteBuffer,
        find: (ObfuscatedInfoHash) -> InfoHash?
    ) throws(EncryptionError) -> EncryptionStep {
        input.writeImmutableBuffer(bytes)
        var reply = ByteBuffer()
        while true {
            switch phase {
            case .key:
                guard let key = input.readBytes(length: DiffieHellman768.byteCount) else {
                    return EncryptionStep(reply: reply, connection: nil)
                }
                guard let shared = keys.sharedSecret(with: key) else { throw .degenerateKey }
                reply.writeBytes(keys.publicKey + firstPadding)
                phase = .marker(EncryptionSecret(shared))
            case .marker(let secret):
                guard try input.skipPadding(through: secret.marker) else {
                    return EncryptionStep(reply: reply, connection: nil)
                }
                phase = .name(secret)
            case .name(let secret):
                guard let masked = input.readBytes(length: InfoHash.byteCount) else {
                    return EncryptionStep(reply: reply, connection: nil)
                }
                guard let name = ObfuscatedInfoHash(masked, maskedBy: secret.mask),
                    let infoHash = find(name)
                else { throw .unknownTorrent }
                torrent = (infoHash, secret.ciphers(for: infoHash, isInitiator: false))
                phase = .offer
            case .offer, .padding, .initialPayload:
                guard let connection = try takeEncrypted(into: &reply) else {
                    return EncryptionStep(reply: reply, connection: nil)
                }
                return EncryptionStep(reply: reply, connection: connection)
            }
        }
    }

    /// The part of the other side's message that is encrypted.
    ///
    /// - Returns: `nil` while bytes are missing.
    private mutating func takeEncrypted(
        into reply: inout ByteBuffer
    ) throws(EncryptionError) -> EncryptedConnection? {
        while true {
            switch phase {
            case .key, .marker, .name: return nil
            case .offer:
                guard var fields = decrypted(count: 14),
                    let verification = fields.readBytes(length: 8),
                    let bits: UInt32 = fields.readInteger(),
                    let length: UInt16 = fields.readInteger()
                else { return nil }
                guard verification == EncryptionHandshake.verification else {
                    throw .wrongVerification
                }
                let offered = EncryptionMethods(rawValue: bits)
                guard let method = accepted.choice(with: offered) else {
                    throw .noCommonMethod(offered: offered)
                }
                let count = try EncryptionHandshake.paddingByteCount(length)
                phase = .padding(method, byteCount: count)
            case .padding(let method, let count):
                guard var end = decrypted(count: count + 2) else { return nil }
                end.moveReaderIndex(forwardBy: count)
                let length = Int(end.readInteger(as: UInt16.self) ?? 0)
                guard length <= EncryptionHandshake.maximumInitialPayloadByteCount else {
                    throw .initialPayloadTooLong(byteCount: length)
                }
                phase = .initialPayload(method, byteCount: length)
            case .initialPayload(let method, let count):
                guard let payload = decrypted(count: count) else { return nil }
                return accept(method, initialPayload: payload, into: &reply)
            }
        }
    }

    private mutating func decrypted(count: Int) -> ByteBuffer? {
        input.readSlice(length: count).flatMap { torrent?.ciphers.decrypt($0) }
    }

    /// Step 4: says which method it is.
    private mutating func accept(
        _ method: EncryptionMethods,
        initialPayload: ByteBuffer,
        into reply: inout ByteBuffer
    ) -> EncryptedConnection? {
        guard let (infoHash, found) = torrent else { return nil }
        var ciphers = found
        var answer = ByteBuffer(bytes: EncryptionHandshake.verification)
        answer.writeInteger(method.rawValue)
        answer.writeInteger(UInt16(secondPadding.count))
        answer.writeBytes(secondPadding)
        reply.writeImmutableBuffer(ciphers.encrypt(answer))
        // The initial payload is always encrypted, what follows only if it was chosen so.
        var received = initialPayload
        received.writeImmutableBuffer(method == .rc4 ? ciphers.decrypt(input) : input)
        input = ByteBuffer()
        return EncryptedConnection(
            infoHash: infoHash,
            ciphers: method == .rc4 ? ciphers : nil,
            received: received
        )
    }
}
