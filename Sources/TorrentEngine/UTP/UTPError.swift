import TorrentLogic

/// Why a uTP connection has ended, or does not stand.
enum UTPError: Error, CustomStringConvertible {
    case ended(UTPConnection.End)
    /// No socket of the address's family is open.
    case noSocket
    /// All numbers that connections to the address may have are taken.
    case noNumber

    init(_ end: UTPConnection.End) { self = .ended(end) }

    var description: String {
        switch self {
        case .ended(.finished): "the uTP connection has ended"
        case .ended(.reset): "the peer has no such uTP connection"
        case .ended(.unreachable): "no answer by uTP"
        case .ended(.timedOut): "no answer by uTP any more"
        case .noSocket: "no UDP socket for this kind of address"
        case .noNumber: "too many uTP connections to one address"
        }
    }
}
