import AsyncHTTPClient
import BitTorrentProtocol
// For the codes of errors.
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// What went wrong with a tracker or a web seed, beyond what its own answer says.
enum RemoteFailure: Error, Equatable, CustomStringConvertible {
    case status(UInt)
    case forbiddenHost(String)
    case unknownHost(String, reason: String)
    case badRedirect
    /// Its answer is longer than `HTTPTrackerCodec.maximumResponseByteCount`.
    case tooLong
    case notHTTP
    case hungUp
    case cannotConnect(reason: String)
    /// No network of the address families that it has.
    case unreachable
    case timedOut
    /// The proxy carries no UDP, and nothing goes around it.
    case notThroughProxy
    /// The proxy made no connection.
    case proxyRefused
    case ended

    var description: String {
        switch self {
        case .status(let code): "it answers with HTTP status \(code)"
        case .forbiddenHost(let host): "its host \(host) is not allowed by the configuration"
        case .unknownHost(let host, let reason): "its host \(host) is not found: \(reason)"
        case .badRedirect: "it redirects too often or to no URL of HTTP"
        case .tooLong:
            "its answer is longer than \(HTTPTrackerCodec.maximumResponseByteCount >> 20) MiB"
        case .notHTTP: "its answer is not HTTP"
        case .hungUp: "it hung up before its answer was complete"
        case .cannotConnect(let reason): "no connection to it: \(reason)"
        case .unreachable: "no network leads to its address"
        case .timedOut: "it does not answer"
        case .notThroughProxy: "the proxy carries no UDP"
        case .proxyRefused: "the proxy makes no connection to it"
        case .ended: "the session has ended"
        }
    }
}

extension RemoteFailure {
    /// What an error of the HTTP client means; `nil` for one that says so itself.
    init?(ofHTTP error: any Error) {
        switch error {
        case is NIOTooManyBytesError: self = .tooLong
        case HTTPParserError.invalidEOFState: self = .hungUp
        case is HTTPParserError: self = .notHTTP
        case ChannelError.connectTimeout: self = .timedOut
        case let error as IOError: self = Self.failure(of: error)
        case let error as NIOConnectionError:
            guard let first = error.connectionErrors.first?.error else {
                self = .unknownHost(error.host, reason: "it has no address")
                return
            }
            self = (first as? IOError).map(Self.failure) ?? .timedOut
        case let error as HTTPClientError:
            switch error {
            case .deadlineExceeded, .readTimeout, .writeTimeout, .connectTimeout,
                .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
                self = .timedOut
            case .invalidProxyResponse, .proxyAuthenticationRequired, .httpProxyHandshakeTimeout:
                self = .proxyRefused
            case .remoteConnectionClosed, .uncleanShutdown: self = .hungUp
            case .cancelled, .alreadyShutdown: self = .ended
            default: return nil
            }
        default: return nil
        }
    }

    private static func failure(of error: IOError) -> RemoteFailure {
        switch error.errnoCode {
        case ECONNREFUSED: .cannotConnect(reason: "it was refused")
        case ECONNRESET, EPIPE: .hungUp
        case let code: .cannotConnect(reason: String(cString: strerror(code)))
        }
    }
}
