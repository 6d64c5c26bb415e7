/// Why an encrypted handshake failed; the connection is closed.
package enum EncryptionError: Error, Equatable, CustomStringConvertible {
    /// A public key with which anybody could guess the secret.
    case degenerateKey
    /// What must stand after the other side's padding is not within its bounds: it knows another
    /// torrent or another protocol.
    case notSynchronised
    /// The other side wants a torrent that is not here.
    case unknownTorrent
    /// The eight zeros are not zeros.
    case wrongVerification
    case paddingTooLong(byteCount: Int)
    case initialPayloadTooLong(byteCount: Int)
    /// The other side offers nothing that is accepted here.
    case noCommonMethod(offered: EncryptionMethods)
    /// The other side chose what was not offered, or more than one.
    case wrongMethod(EncryptionMethods)
    /// A handshake without encryption where encryption is required.
    case notEncrypted

    package var description: String {
        switch self {
        case .degenerateKey: "its public key is not safe"
        case .notSynchronised: "its encrypted handshake is of another torrent or protocol"
        case .unknownTorrent: "its encrypted handshake names no torrent of ours"
        case .wrongVerification: "its encrypted handshake cannot be decrypted"
        case .paddingTooLong(let count): "padding of \(count) bytes is too long"
        case .initialPayloadTooLong(let count): "initial payload of \(count) bytes is too long"
        case .noCommonMethod(let offered): "it offers no accepted encryption (\(offered.rawValue))"
        case .wrongMethod(let method): "it chose an encryption of its own (\(method.rawValue))"
        case .notEncrypted: "it does not encrypt"
        }
    }
}
