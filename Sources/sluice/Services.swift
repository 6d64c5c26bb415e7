import Logging
import NFSExposure
import ServiceLifecycle
import TorrentEngine
import UnixSignals

/// The NFS server, from the first call to the last.
struct Serving: Service, CustomStringConvertible {
    let server: NFSServer
    let configuration: Configuration
    let logger: Logger

    /// The configuration has secrets, and the log tells of each service.
    var description: String { "\(Self.self)" }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                try await server.run { isMapped in
                    MountHints(configuration: configuration, isMapped: isMapped).log(to: logger)
                }
            }
        } catch {
            let nfs = configuration.nfs
            throw Fault(
                description:
                    "cannot listen for NFS on \(nfs.address) port \(nfs.port): \(error); set “nfs: "
                    + "address” or “nfs: port”, or stop who uses it"
            )
        }
    }
}

/// Looks for new and deleted torrents.
struct Watching: Service {
    let loader: RouteLoader
    let interval: Duration

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // What the start had no time for.
            repeat {
                await loader.look()
            } while (try? await Task.sleep(for: interval)) != nil
        }
    }
}

/// Shows the torrents of magnet links as soon as their metadata has come.
struct Arriving: Service {
    let session: Session
    let loader: RouteLoader

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in session.metadataArrivals { await loader.look() }
        }
    }
}

/// Hashes the folders that are served, and hashes again what changes in them.
struct Publishing: Service {
    let folders: ServedFolders

    func run() async throws {
        await cancelWhenGracefulShutdown { await folders.run() }
    }
}

/// Takes new routes, exports, limits and address ranges on SIGHUP, all or nothing.
struct Reloading: Service, CustomStringConvertible {
    let signals: UnixSignalsSequence
    let file: ConfigurationFile
    let session: Session
    let server: NFSServer
    let loader: RouteLoader
    /// With which the program began.
    let configuration: Configuration
    let logger: Logger

    /// The configuration has secrets, and the log tells of each service.
    var description: String { "\(Self.self)" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in signals { await reload() }
        }
    }

    private func reload() async {
        let settings: ConfigurationFile.Settings
        do {
            settings = try file.read()
        } catch {
            logger.error("not reloaded; everything stays as it was:\n\(error)")
            return
        }
        for notice in settings.notices { logger.notice("\(notice)") }
        await server.replaceExports(settings.exports)
        session.apply(SessionSettings(settings.configuration))
        session.replaceFilter(with: settings.ipFilter)
        await loader.load(settings.configuration.routes)
        var others = settings.configuration
        others.routes = configuration.routes
        others.nfs.exports = configuration.nfs.exports
        others.takeReloadable(from: configuration)
        logger.notice(
            others == configuration
                ? "reloaded routes, exports and limits"
                : "reloaded routes, exports and limits; other keys changed too and need a restart"
        )
    }
}

extension Configuration {
    /// Takes over the keys of the session that a running program obeys at once.
    fileprivate mutating func takeReloadable(from other: Configuration) {
        cacheSize = other.cacheSize
        rates = other.rates
        bitTorrent.peersPerTorrent = other.bitTorrent.peersPerTorrent
        bitTorrent.connections = other.bitTorrent.connections
        bitTorrent.connectionsPerAddress = other.bitTorrent.connectionsPerAddress
        bitTorrent.dialsAtOnce = other.bitTorrent.dialsAtOnce
        bitTorrent.dialsPerSecond = other.bitTorrent.dialsPerSecond
        bitTorrent.ipFilter = other.bitTorrent.ipFilter
    }
}
