import ArgumentParser
import Foundation
import NFSExposure

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find mistakes in the configuration and in the exports.",
        discussion: """
            Reads both files as “serve” would and starts nothing. Exit code 0: they are good. Exit \
            code 1: each mistake is named with its file and line.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let settings: ConfigurationFile.Settings
        do {
            settings = try options.file.read()
        } catch {
            throw Fault(error)
        }
        let exports = settings.exports.exports.map(\.path).joined(separator: ", ")
        let lines =
            settings.notices + [
                "\(options.config): good: \(settings.configuration.routes.count) routes, "
                    + "exports \(exports.isEmpty ? "none" : exports)"
            ]
        FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
    }
}
