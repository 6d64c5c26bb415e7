package import Bencode

/// Why an announce did not succeed.
package enum AnnounceError: Error, Equatable, CustomStringConvertible {
    /// When a tracker that refused wants to be asked again (BEP 31).
    package enum Retry: Equatable, Sendable {
        case after(Duration)
        case never
    }

    /// The tracker's own `failure reason`.
    case refused(reason: String, retry: Retry?)
    /// The announce URL is not one of HTTP, or holds characters that no URL has.
    case invalidURL
    case notBencode(BencodeError)
    case notDictionary
    /// A value under this key that is not of its kind.
    case malformed(key: String)

    package var description: String {
        switch self {
        case .refused(let reason, _): "the tracker refused: \(reason)"
        case .invalidURL: "not a URL of an HTTP tracker"
        case .notBencode(let error): "the tracker's answer is not bencode: \(error)"
        case .notDictionary: "the tracker's answer is not a dictionary"
        case .malformed(let key): "the tracker's answer has a malformed \"\(key)\""
        }
    }
}
