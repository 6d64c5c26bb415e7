/// A message of `ut_holepunch` (BEP 55), by which a third peer lets two others that cannot be dialled
/// dial each other at the same moment.
package enum HolepunchMessage: Equatable, Sendable {
    /// Why a rendezvous comes to nothing.
    package enum Failure: Equatable, Sendable {
        /// No peer can have this endpoint.
        case noSuchPeer
        /// The relay is not connected to it.
        case notConnected
        /// The peer does not speak `ut_holepunch`.
        case noSupport
        /// The endpoint is the relay's own.
        case noSelf
        /// A code without a meaning yet.
        case unknown(UInt32)
    }

    /// To the relay: have this peer and me dial each other.
    case rendezvous(PeerAddress)
    /// From the relay: dial this peer now.
    case connect(PeerAddress)
    /// From the relay: the rendezvous with this peer comes to nothing.
    case error(Failure, PeerAddress)

    private static let headByteCount = 2
    private static let codeByteCount = 4

    /// The code of an error is needed in errors alone, and what follows it is ignored.
    package init(decoding payload: [UInt8]) throws(ExtensionError) {
        guard let type = payload.first, type <= 2 else { throw .malformed(key: "msg_type") }
        let addressByteCount: Int
        switch payload.dropFirst().first {
        case 0: addressByteCount = PeerAddress.compactIPv4ByteCount
        case 1: addressByteCount = PeerAddress.compactIPv6ByteCount
        default: throw .malformed(key: "addr_type")
        }
        let rest = payload.dropFirst(Self.headByteCount)
        guard let address = PeerAddress(compact: rest.prefix(addressByteCount)) else {
            throw .malformed(key: "addr")
        }
        switch type {
        case 0: self = .rendezvous(address)
        case 1: self = .connect(address)
        default:
            let code = rest.dropFirst(addressByteCount).prefix(Self.codeByteCount)
            guard code.count == Self.codeByteCount else { throw .malformed(key: "err_code") }
            self = .error(Failure(code: code.reduce(0) { $0 << 8 | UInt32($1) }), address)
        }
    }

    package func encode() -> [UInt8] {
        let (type, address, code): (UInt8, PeerAddress, UInt32) =
            switch self {
            case .rendezvous(let address): (0, address, 0)
            case .connect(let address): (1, address, 0)
            case .error(let failure, let address): (2, address, failure.code)
            }
        return [type, address.isIPv6 ? 1 : 0] + address.compact
            + (0..<4).map { UInt8(truncatingIfNeeded: code >> (24 - 8 * $0)) }
    }
}

extension HolepunchMessage.Failure {
    init(code: UInt32) {
        switch code {
        case 1: self = .noSuchPeer
        case 2: self = .notConnected
        case 3: self = .noSupport
        case 4: self = .noSelf
        default: self = .unknown(code)
        }
    }

    var code: UInt32 {
        switch self {
        case .noSuchPeer: 1
        case .notConnected: 2
        case .noSupport: 3
        case .noSelf: 4
        case .unknown(let code): code
        }
    }
}
