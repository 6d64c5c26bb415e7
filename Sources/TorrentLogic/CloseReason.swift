/// Why we close a connection to a peer; also the words of the log line.
package enum CloseReason: Error, Equatable, Sendable {
    case protocolViolation(String)
    case banned
    case silent
    case tooManyPeers
    case duplicateConnection
    /// The peer is this program itself.
    case ownConnection
    /// It cannot give the metadata, which is all that is wanted of it.
    case noMetadata
    case stopping
}
