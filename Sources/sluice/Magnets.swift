import ArgumentParser
import Foundation
import StateStore
import TorrentEngine

struct Magnets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the magnet links of the folders that are served.",
        discussion: """
            A line for each folder of the configuration: its magnet link, a tab, its path. A folder \
            that changes becomes another torrent with another link, so ask again then. The server \
            may run meanwhile. Exit code 1: a folder has not been hashed yet.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        do {
            let configuration = try options.file.read().configuration
            let folders = configuration.routes.flatMap(\.servedFolders)
            guard !folders.isEmpty else {
                throw Fault(description: "\(options.config) has no serve_folder")
            }
            let store = try StateStore(reading: configuration.stateDirectory)
            let stored = try store.folders()
            let magnets = Dictionary(stored.map { ($0.path, $0.magnet) }) { first, _ in first }
            var unknown: [String] = []
            for folder in folders {
                guard let magnet = magnets[folder.path] else {
                    unknown.append(folder.path)
                    continue
                }
                FileHandle.standardOutput.write(Data("\(magnet)\t\(folder.path)\n".utf8))
            }
            guard unknown.isEmpty else {
                throw Fault(
                    description:
                        "not hashed yet: \(unknown.joined(separator: ", ")); “sluice serve” "
                        + "does it, and says how far it is"
                )
            }
        } catch {
            throw Fault(error)
        }
    }
}
