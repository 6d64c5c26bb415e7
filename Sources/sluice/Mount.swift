import ArgumentParser
import Foundation
import NFSExposure

struct Mount: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Mount the share of the server on this machine.",
        discussion: """
            Takes the options that suit this kernel, and has it read far enough ahead. The server must \
            run, and mounting takes root and the package nfs-common.

              sudo sluice mount /mnt                            the whole tree
              sudo sluice mount /mnt --export /torrents/films   a directory below it
              sluice mount /mnt --print                         only say how
              sudo umount /mnt                                  the end of it
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The directory at which to mount.")
    var directory: String

    @Option(
        name: .long,
        help: ArgumentHelp("The path to mount, in place of the whole tree.", valueName: "path")
    )
    var export: String?

    @Flag(name: .long, help: "Print the command and mount nothing.")
    var print = false

    /// In KiB: with its own 128 the kernel asks for a piece in many small READs.
    private static let readAhead = 4096

    func run() async throws {
        do {
            let configuration = try options.file.readConfiguration()
            let command = MountCommand(
                configuration: configuration,
                export: try path(configuration),
                directory: directory,
                kernel: Self.kernelRelease,
                findsLocks: MountHints.isPortmapperRunning
            )
            if print {
                FileHandle.standardOutput.write(Data("\(command.text)\n".utf8))
            } else {
                try mount(command)
            }
        } catch {
            throw Fault(error)
        }
    }

    private func path(_ configuration: Configuration) throws -> String {
        let exports = try options.file.readExports().table
        let own = MountCommand.address(of: configuration)
        guard let address = IPAddress(own) else {
            throw Fault(description: "“nfs: address” is no address: \(own)")
        }
        let host =
            exports.needsNames(of: address)
            ? HostResolver.host(address, netgroups: exports.netgroups)
            : ClientHost(address: address)
        return try MountCommand.path(
            export,
            in: exports,
            as: host,
            file: configuration.nfs.exports
        )
    }

    private func mount(_ command: MountCommand) throws {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory),
            isDirectory.boolValue
        else {
            throw Fault(description: "\(directory) is no directory: mkdir -p \(directory)")
        }
        guard geteuid() == 0 else {
            throw Fault(description: "mounting takes root: sudo sluice mount \(directory)")
        }
        guard FileManager.default.isExecutableFile(atPath: "/sbin/mount.nfs") else {
            throw Fault(description: "there is no mount.nfs: sudo apt install nfs-common")
        }
        let process = Process()
        process.executableURL = URL(filePath: "/bin/mount")
        process.arguments = command.arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Fault(
                description: "mount has failed; is the server running? sluice serve --config "
                    + "\(options.config)"
            )
        }
        readAheadFar()
    }

    /// A kernel without the setting reads as far as it likes.
    private func readAheadFar() {
        var status = stat()
        guard stat(directory, &status) == 0 else { return }
        // As makedev(3) puts them together.
        let major = status.st_dev >> 8 & 0xfff
        let minor = status.st_dev & 0xff | status.st_dev >> 12 & 0xfff_ff00
        let path = "/sys/class/bdi/\(major):\(minor)/read_ahead_kb"
        try? "\(Self.readAhead)".write(toFile: path, atomically: false, encoding: .utf8)
    }

    private static var kernelRelease: String {
        var names = utsname()
        guard uname(&names) == 0 else { return "" }
        return withUnsafeBytes(of: &names.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
