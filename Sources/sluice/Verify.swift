import ArgumentParser
import BitTorrentProtocol
import Foundation
import PieceStorage
import StateStore
import TorrentEngine
import VirtualTree

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check by their hashes what is cached, and forget what is damaged.",
        discussion: """
            Damaged pieces are fetched again when they are read, or at once if they are pinned. A \
            server that runs does it and goes on serving; else this program does it itself.

              sluice verify                          all that is cached
              sluice verify films                    of a route
              sluice verify "films/Metropolis.mkv"   of a torrent, a folder in it or a file

            Exit code 1: something was damaged.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "Paths of the share, as clients see them; everything without any.")
    var paths: [String] = []

    func run() async throws {
        let exitCode: Int32
        do {
            let configuration = try options.file.readConfiguration()
            let terminal = Terminal()
            let client = ControlClient(stateDirectory: configuration.stateDirectory)
            let request = ControlRequest(command: Verification.command, arguments: paths)
            if let answer = try await client.ask(request, { terminal.show($0) }) {
                exitCode = answer
            } else {
                exitCode = try await Verification(alone: configuration)
                    .run(paths) { terminal.show($0) }
            }
        } catch {
            throw Fault(error)
        }
        if exitCode != 0 { throw ExitCode(exitCode) }
    }
}

/// What `sluice verify` does, in the server or without one.
struct Verification: Sendable {
    static let command = "verify"

    /// Hashes what is cached of a torrent, or of some of its files.
    typealias Verifier =
        @Sendable (
            InfoHash, [ClosedRange<Int>]?, @escaping CacheVerificationProgress
        ) async throws -> CacheVerification

    private let paths: StoredPaths
    /// The path that clients mount, with which paths may begin.
    private let root: String
    private let verify: Verifier

    init(store: StateStore, root: String, verify: @escaping Verifier) {
        paths = StoredPaths(store: store)
        self.root = root
        self.verify = verify
    }

    /// Without a server, which must not run.
    init(alone configuration: Configuration) throws {
        let directory = configuration.stateDirectory
        guard FileManager.default.fileExists(atPath: "\(directory)/state.sqlite") else {
            throw Fault(
                description:
                    "\(directory) holds no state, so nothing is cached; --config or --state names "
                    + "that of your server"
            )
        }
        let store = try StateStore(directory: directory)
        let cache = try CacheDirectory(path: configuration.cachePath)
        self.init(store: store, root: configuration.nfs.root) { infoHash, files, progress in
            try await verifyCache(
                of: infoHash,
                files: files,
                in: cache,
                store: store,
                progress: progress
            )
        }
    }

    /// - Parameter arguments: paths of the share; none for all of it.
    /// - Returns: the exit code of the command.
    func run(_ arguments: [String], _ output: @escaping ControlOutput) async throws -> Int32 {
        var total = CacheVerification()
        var torrentCount = 0
        for part in try parts(arguments) {
            let found = try await verify(part.infoHash, part.files) { soFar, count in
                try await output(.progress("\(part.path): \(soFar.checked) of \(count) pieces"))
            }
            if found.checked > 0 { torrentCount += 1 }
            if found.damaged > 0 {
                try await output(
                    .line("\(part.path): \(found.damaged) of \(found.checked) pieces damaged")
                )
            }
            total += found
        }
        let torrents = torrentCount == 1 ? "1 torrent" : "\(torrentCount) torrents"
        let verdict =
            total.damaged == 0
            ? "all are right"
            : "\(total.damaged) damaged, which are fetched again when they are read"
        try await output(
            .line(
                total.checked == 0
                    ? "nothing is cached"
                    : "checked \(total.checked) pieces (\(total.byteCount >> 20) MiB) of "
                        + "\(torrents): \(verdict)"
            )
        )
        return total.damaged == 0 ? 0 : 1
    }

    /// What the arguments stand for, each torrent once unless files of it are named.
    private func parts(_ arguments: [String]) throws -> [StoredPaths.Part] {
        guard !arguments.isEmpty else { return try Self.once(paths.parts(at: [])) }
        return Self.once(
            try arguments.flatMap { argument in
                let parts = try paths.parts(at: components(of: argument))
                guard parts.isEmpty else { return parts }
                throw Fault(
                    description:
                        "the share has no “\(argument)”; name a path as clients see it, such as "
                        + "films/Metropolis.mkv"
                )
            }
        )
    }

    private static func once(_ parts: [StoredPaths.Part]) -> [StoredPaths.Part] {
        var whole: Set<InfoHash> = []
        return parts.filter { $0.files != nil || whole.insert($0.infoHash).inserted }
    }

    private func components(of path: String) -> [[UInt8]] {
        let parts = path.split(separator: "/").filter { $0 != "." }
        let above = root.split(separator: "/")
        let isBelow = path.hasPrefix("/") && parts.starts(with: above)
        return (isBelow ? parts.dropFirst(above.count) : parts[...]).map { Array($0.utf8) }
    }
}
