/// What a failed request to a web seed means for the next.
package enum WebSeedFailure: Equatable, Sendable {
    /// It may work later, at the earliest after the time that the server names.
    case unavailable(retryAfter: Duration?)
    /// It does not have the file, or another one, or gives no part of it: bytes of the torrent.
    case lacks(Range<UInt64>)
    /// It must not be asked at all.
    case forbidden
}
