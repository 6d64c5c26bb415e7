import ArgumentParser
import Foundation
import NFSExposure

struct Clients: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who is connected, what they read, and what they wait for and why.",
        discussion: """
            Asks the server that runs. A client that has a path mounted and is not connected has been \
            quiet for a while, or went without a word.

              sluice clients           a table
              sluice clients --json    an array of objects, for programs; bytes and seconds
            """
    )

    static let command = "clients"

    @OptionGroup var options: ConfigurationOptions

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func run() async throws {
        do {
            let configuration = try options.file.readConfiguration()
            let client = ControlClient(stateDirectory: configuration.stateDirectory)
            let terminal = Terminal()
            let request = ControlRequest(command: Self.command, arguments: json ? ["--json"] : [])
            guard try await client.ask(request, { terminal.show($0) }) != nil else {
                throw Fault(
                    description:
                        "no server runs with the state \(configuration.stateDirectory); --config or "
                        + "--state names that of your server"
                )
            }
        } catch {
            throw Fault(error)
        }
    }

    /// What the server does with it.
    static func answer(
        _ arguments: [String],
        _ reports: [ClientReport],
        _ output: ControlOutput
    ) async throws -> Int32 {
        let lines =
            arguments == ["--json"] ? try jsonLines(reports) : ClientTableText.lines(reports)
        for line in lines { try await output(.line(line)) }
        return 0
    }

    /// An array with a line for each client.
    static func jsonLines(_ reports: [ClientReport]) throws -> [String] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let objects = try reports.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        guard let last = objects.last else { return ["[]"] }
        return ["["] + objects.dropLast().map { "\($0)," } + [last, "]"]
    }
}
