package import BitTorrentProtocol

/// Why a session could not do what it was asked.
package enum SessionError: Error, Equatable, Sendable, CustomStringConvertible {
    case cannotListen(host: String, port: UInt16, reason: String)
    /// The content given for a seed differs from what its metainfo says.
    case wrongContent(infoHash: InfoHash, piece: PieceIndex)
    /// Another torrent has the same 20 bytes as its name: a v1 and a v2 one were made to.
    case sameName(InfoHash)
    case notRegistered(InfoHash)
    /// A torrent of the routes, to be fetched, is the same as one that was made of a folder.
    case isFetched(InfoHash)
    case stopped

    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "cannot listen for peers on \(host):\(port): \(reason); set another address or port"
        case .wrongContent(let infoHash, let piece):
            "the content of \(infoHash) differs from its metainfo in piece \(piece.rawValue)"
        case .sameName(let infoHash):
            "another torrent has the name \(infoHash) already; remove that one first"
        case .notRegistered(let infoHash): "there is no torrent \(infoHash)"
        case .isFetched(let infoHash):
            "its torrent \(infoHash) is in the routes already; remove that file or magnet link"
        case .stopped: "the session has ended"
        }
    }
}
