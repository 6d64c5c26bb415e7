import BitTorrentProtocol

/// Whether connections to peers are encrypted (message stream encryption).
package enum EncryptionPolicy: String, CaseIterable, Sendable {
    /// Both kinds are accepted. A peer is dialled without encryption, and at once again with it if
    /// it hangs up or stays silent.
    ///
    /// This reaches every peer that the reverse order reaches. Nearly all accept both, and for them
    /// it saves a round trip before the first request, two powers of a large number and, where RC4
    /// would be chosen, a second of processor time for each GiB. Those that require encryption hang
    /// up on the first byte, so the detour costs two round trips, once: their address is remembered.
    case prefer
    /// RC4 in both directions, or no connection.
    case require
    /// None is offered or understood.
    case disable

    /// What is offered in an encrypted handshake, and accepted of an offer.
    var methods: EncryptionMethods {
        switch self {
        case .prefer: [.plaintext, .rc4]
        case .require: .rc4
        case .disable: []
        }
    }
}
