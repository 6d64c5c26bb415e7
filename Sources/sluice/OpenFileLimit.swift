import Glibc
import Logging

/// How many files and sockets the system lets this program have open.
enum OpenFileLimit {
    /// Those that are no peers: dials, NFS clients, cache files, files of served folders, the store.
    static let reserve = 2048

    /// Raises the soft limit to what the configuration needs, as far as the hard one allows.
    ///
    /// Not to the hard one: libtirpc takes memory for each descriptor that there could be.
    static func raise(for configuration: Configuration, logger: Logger) {
        let needed = rlim_t(configuration.bitTorrent.connections + reserve)
        var limit = rlimit()
        guard getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < needed else {
            return
        }
        limit.rlim_cur = min(needed, limit.rlim_max)
        let isRaised = setrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0
        guard !isRaised || limit.rlim_cur < needed else { return }
        logger.notice(
            "the system allows fewer open files than “bittorrent: connections” may need; raise its hard limit (ulimit -Hn)",
            metadata: ["allowed": "\(limit.rlim_cur)", "needed": "\(needed)"]
        )
    }
}
