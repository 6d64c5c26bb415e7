import Cryptography

/// What both sides of an encrypted handshake derive from the secret S of their key exchange.
struct EncryptionSecret: Sendable {
    private let secret: [UInt8]

    init(_ secret: [UInt8]) { self.secret = secret }

    /// `HASH('req1', S)`, by which the accepting side finds the end of the padding.
    var marker: [UInt8] { hash("req1", secret) }

    /// `HASH('req3', S)`, with which the name of the torrent is combined.
    var mask: [UInt8] { hash("req3", secret) }

    func ciphers(for infoHash: InfoHash, isInitiator: Bool) -> StreamCiphers {
        let fromInitiator = hash("keyA", secret + infoHash.bytes)
        let fromResponder = hash("keyB", secret + infoHash.bytes)
        return isInitiator
            ? StreamCiphers(outgoingKey: fromInitiator, incomingKey: fromResponder)
            : StreamCiphers(outgoingKey: fromResponder, incomingKey: fromInitiator)
    }

    private func hash(_ word: String, _ bytes: [UInt8]) -> [UInt8] {
        SHA1.hash(Array(word.utf8) + bytes)
    }
}
