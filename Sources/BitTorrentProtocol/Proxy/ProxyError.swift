/// Why a proxy makes no connection; `description` is written for its user.
package enum ProxyError: Error, Equatable, CustomStringConvertible {
    /// Its answer is not in the language of its kind.
    case malformed
    /// It wants a user and a password, or something else that we do not know.
    case wantsCredentials
    case wrongCredentials
    /// It cannot or will not connect; in its own words or those of the standard.
    case refused(String)
    /// No connection to the proxy, or none that lasts.
    case unreachable(String)
    case timedOut

    package var description: String {
        switch self {
        case .malformed: "the proxy's answer is not understood; check its type and port"
        case .wantsCredentials: "the proxy wants a user and a password; set “proxy: user”"
        case .wrongCredentials: "the proxy refuses the user or the password"
        case .refused(let reason): "the proxy does not connect: \(reason)"
        case .unreachable(let reason): "the proxy cannot be reached: \(reason)"
        case .timedOut: "the proxy does not answer"
        }
    }
}
