/// What a peer sent that no peer may send; the connection is closed.
package enum PeerWireError: Error, Equatable, CustomStringConvertible {
    /// The handshake differs from BEP 3's protocol string at this byte.
    case notBitTorrent(offset: Int)
    /// A message longer than any of its kind; `id` is `nil` where no kind may be so long.
    case messageTooLong(id: UInt8?, byteCount: Int)
    /// A message that is shorter or longer than its kind (BEP 3). The count includes the id.
    case wrongLength(id: UInt8, byteCount: Int)

    package var description: String {
        switch self {
        case .notBitTorrent(let offset): "not a BitTorrent handshake (at byte \(offset))"
        case .messageTooLong(let id, let byteCount):
            "message of \(byteCount) bytes is too long" + (id.map { " (id \($0))" } ?? "")
        case .wrongLength(let id, let byteCount):
            "message with id \(id) cannot have \(byteCount) bytes"
        }
    }
}
