import ArgumentParser

@main struct Sluice: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "Serves the files inside torrents over NFS; what is read is fetched.",
        discussion: """
            Routes in config.yaml name torrents; every NFS client sees their files as an ordinary
            network share. A read fetches the pieces it needs from peers, just before it needs
            them, and what was read stays in a cache.

              sluice serve --config config.yaml      serve; prints what to type to mount the share
              sluice check --config config.yaml      find mistakes in the configuration and exports
              sudo sluice mount /mnt                 mount it here, with the options that suit
              sluice exports --as 192.168.1.20       what that host may mount
              sluice magnets --config config.yaml    how others find the folders that you serve
              sluice clients                         who reads what, and who waits for what
              sluice verify films                    check by its hashes what is cached
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
    @Option(name: .long, help: "The configuration; the shipped config.yaml explains every key.")
    var config = "config.yaml"

    @Option(name: .long, help: "TCP port of NFS and MOUNT, in place of “nfs: port”.")
    var port: Int?

    @Option(name: .long, help: "Directory of the state, in place of “state_directory”.")
    var state: String?

    @Option(name: .long, help: "File of the exports, in place of “nfs: exports”.")
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
