import ArgumentParser

@main struct Sluice: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "Serves the files inside torrents over NFS; what is read is fetched.",
        discussion: """
            Routes in config.yaml name torrents; every NFS client sees their files as an ordinary \
            network share. A read fetches the pieces it needs from peers, just before it needs \
            them, and what was read stays in a cache.

              sluice serve                       serve, and say how to mount the share
              sluice check                       find mistakes in the settings
              sudo sluice mount /mnt             mount it here, with what suits
              sluice exports --as 192.168.1.20   what that host may mount
              sluice clients                     who reads what, and who waits why
              sluice magnets                     how others find your folders
              sluice verify films                check by its hashes what is cached
            """,
        version: version,
        subcommands: [
            Serve.self, Check.self, Mount.self, Exports.self, Magnets.self, Clients.self,
            Verify.self,
        ]
    )
}

/// The flags that every command takes.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The configuration; the shipped config.yaml explains every key.",
            valueName: "file"
        )
    )
    var config = "config.yaml"

    @Option(
        name: .long,
        help: ArgumentHelp(
            "TCP port of NFS and MOUNT, in place of “nfs: port”.",
            valueName: "number"
        )
    )
    var port: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Directory of the state, in place of “state_directory”.",
            valueName: "directory"
        )
    )
    var state: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "File of the exports, in place of “nfs: exports”.",
            valueName: "file"
        )
    )
    var exports: String?

    func validate() throws {
        if let port, !(1...65_535).contains(port) {
            throw ValidationError("--port must be a number from 1 to 65535.")
        }
    }

    var file: ConfigurationFile {
        ConfigurationFile(path: config, port: port, stateDirectory: state, exports: exports)
    }
}
