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
    /// A request to a web seed failed.
    case webSeedFailed
    /// A web seed has nothing of the torrent, or must not be asked.
    case nothingOffered
    /// A web seed that nothing is wanted of for now.
    case notNeeded
    case stopping
}
