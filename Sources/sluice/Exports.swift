import ArgumentParser
import Foundation
import NFSExposure

struct Exports: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what is exported, and what a certain host may mount.",
        discussion: """
            Without a flag, every export of the exports file with its clients, after names were looked \
            up and defaults filled in.

              sluice exports --check FILE        find mistakes before a file is used
              sluice exports --as 192.168.1.20   what that host may mount, and why

            Exit code 1: the file has a mistake, which is named with line and column, or the host may \
            mount nothing.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Read this file in place of the exports, and say whether it is good.",
            valueName: "file"
        )
    )
    var check: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Show what this host may mount.", valueName: "address")
    )
    var `as`: String?

    func run() async throws {
        let table: ExportTable
        let notices: [String]
        do {
            (table, notices) = try options.file.readExports(at: check)
        } catch {
            throw Fault(error)
        }
        var lines = notices
        if let text = `as` {
            guard let address = IPAddress(text) else {
                throw Fault(
                    description: "--as takes an address such as 192.168.1.20, not “\(text)”"
                )
            }
            let host =
                table.needsNames(of: address)
                ? HostResolver.host(address, netgroups: table.netgroups)
                : ClientHost(address: address)
            let view = table.exports.compactMap { export in
                export.rule(for: host).map {
                    "\(export.path)\t\($0.client)(\($0.options))"
                }
            }
            guard !view.isEmpty else {
                let names = host.names.isEmpty ? "" : " (\(host.names.joined(separator: ", ")))"
                throw Fault(
                    description: "\(text)\(names) may mount nothing; add it to a line of the "
                        + "exports file"
                )
            }
            lines += view
        } else {
            lines += table.exports.flatMap { export in
                export.rules.map { "\(export.path)\t\($0.client)(\($0.options))" }
            }
            if let check { lines.append("\(check): good: \(table.exports.count) exports") }
        }
        FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
    }
}
