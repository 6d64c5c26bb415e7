import Glibc
import Logging
import NFSExposure

/// How many files and sockets the system lets this program have open.
enum OpenFileLimit {
    /// Those that are neither peers nor NFS clients: dials, cache files, files of served folders,
    /// the store.
    static let reserve = 1024
    /// NFS clients that are let in, however few files the system allows.
    static let leastClients = 64

    /// Raises the soft limit to what the configuration needs, as far as the hard one allows.
    ///
    /// Not to the hard one: libtirpc takes memory for each descriptor that there could be.
    static func raise(for configuration: Configuration, logger: Logger) {
        let needed = rlim_t(
            configuration.bitTorrent.connections + NFSLimits().connections + reserve
        )
        var limit = rlimit()
        guard getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < needed else {
            return
        }
        limit.rlim_cur = min(needed, limit.rlim_max)
        let isRaised = setrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0
        guard !isRaised || limit.rlim_cur < needed else { return }
        logger.notice(
            "the system allows fewer open files than “bittorrent: connections” and as many NFS clients as may connect need; raise its hard limit (ulimit -Hn)",
            metadata: ["allowed": "\(limit.rlim_cur)", "needed": "\(needed)"]
        )
    }

    /// NFS clients for which there are descriptors as long as everybody has his.
    static func clients(beside peers: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return leastClients }
        return clients(of: Int(clamping: limit.rlim_cur), beside: peers)
    }

    static func clients(of descriptors: Int, beside peers: Int) -> Int {
        min(NFSLimits().connections, max(leastClients, descriptors - peers - reserve))
    }
}
