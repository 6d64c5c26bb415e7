/// What went wrong with an announce beyond the tracker's own answer.
enum TrackerFailure: Error, Equatable, CustomStringConvertible {
    case status(UInt)
    case forbiddenHost(String)
    case unknownHost(String, reason: String)
    case badRedirect
    /// No network of the address families that the tracker has.
    case unreachable
    case timedOut
    case ended

    var description: String {
        switch self {
        case .status(let code): "it answers with HTTP status \(code)"
        case .forbiddenHost(let host): "its host \(host) is not allowed by the configuration"
        case .unknownHost(let host, let reason): "its host \(host) is not found: \(reason)"
        case .badRedirect: "it redirects too often or to no URL of HTTP"
        case .unreachable: "no network leads to its address"
        case .timedOut: "it does not answer"
        case .ended: "the session has ended"
        }
    }
}
