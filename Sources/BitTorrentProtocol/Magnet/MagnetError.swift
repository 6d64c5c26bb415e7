/// Why a text is no magnet link; `description` is written for its user.
package enum MagnetError: Error, Equatable, CustomStringConvertible {
    case notMagnet
    case tooLong(byteCount: Int)
    /// Neither `xt=urn:btih:` nor `xt=urn:btmh:`.
    case missingInfoHash
    /// What follows `urn:btih:` or `urn:btmh:`, shortened.
    case malformedInfoHash(String)
    /// Two different hashes of the same version.
    case conflictingInfoHashes
    /// A `%` without two hexadecimal digits in the parameter of this name.
    case malformedEscape(parameter: String)
    /// `so` is no list of file numbers and ranges (BEP 53).
    case malformedSelection

    package var description: String {
        switch self {
        case .notMagnet: "not a magnet link: it does not start with \"magnet:?\""
        case .tooLong(let byteCount): "a magnet link of \(byteCount) bytes is too long"
        case .missingInfoHash: "the magnet link names no torrent (no xt=urn:btih: or xt=urn:btmh:)"
        case .malformedInfoHash(let text): "\"\(text)\" is not an info-hash"
        case .conflictingInfoHashes: "the magnet link names two different torrents"
        case .malformedEscape(let parameter):
            "the magnet link has a malformed % in its parameter \"\(parameter)\""
        case .malformedSelection: "the magnet link has a malformed list of files (so=)"
        }
    }
}
