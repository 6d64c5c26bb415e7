package import BitTorrentProtocol

/// Why a session could not do what it was asked.
package enum SessionError: Error, Equatable, Sendable, CustomStringConvertible {
    case cannotListen(host: String, port: UInt16, reason: String)
    /// The content given for a seed differs from what its metainfo says.
    case wrongContent(infoHash: InfoHash, piece: PieceIndex)
    /// A magnet link names a torrent by its v2 hash alone (BEP 52).
    case noVersion1Hash
    case notRegistered(InfoHash)
    case stopped

    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "cannot listen for peers on \(host):\(port): \(reason); set another address or port"
        case .wrongContent(let infoHash, let piece):
            "the content of \(infoHash) differs from its metainfo in piece \(piece.rawValue)"
        case .noVersion1Hash: "it has no hash of version 1 (urn:btih), which is needed"
        case .notRegistered(let infoHash): "there is no torrent \(infoHash)"
        case .stopped: "the session has ended"
        }
    }
}
