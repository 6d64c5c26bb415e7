import Foundation
import NFSExposure
import Testing

@testable import sluice

@Suite struct ConfigurationFileTests {
    /// Writes files into a folder of their own and reads the configuration among them.
    func read(
        _ files: [String: String],
        change: (inout ConfigurationFile) -> Void = { _ in }
    ) throws -> ConfigurationFile.Settings {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "sluice-config-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in files {
            try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        }
        var file = ConfigurationFile(path: "\(folder)/config.yaml")
        change(&file)
        return try file.read()
    }

    @Test func withoutAnExportsFileThisMachineAloneMayMount() throws {
        let settings = try read(["config.yaml": "nfs: {root: /share}"])
        #expect(settings.exports.exports.map(\.path) == ["/share"])
        #expect(settings.exports.exports[0].rules.map(\.client) == ["127.0.0.0/8", "::1"])
        #expect(settings.notices.count == 1)
    }

    @Test func readsTheExportsBesideIt() throws {
        let settings = try read(["config.yaml": "", "exports": "/torrents *(ro)\n"])
        #expect(settings.exports.exports.map { $0.rules.map(\.client) } == [["*"]])
    }

    @Test func aBadExportsFileIsAnError() {
        #expect(throws: (any Error).self) {
            try read(["config.yaml": "", "exports": "/torrents *(nonsense)\n"])
        }
    }

    @Test func flagsWin() throws {
        let settings = try read(["config.yaml": "nfs: {port: 5}"]) {
            $0.port = 6
            $0.stateDirectory = "/var/lib/s"
        }
        #expect(settings.configuration.nfs.port == 6)
        #expect(settings.configuration.cachePath == "/var/lib/s/cache")
    }

    @Test func anExportsFileThatAFlagNamesMustExist() {
        #expect(throws: UnreadableFile.self) {
            try read(["config.yaml": ""]) { $0.exports = "/nowhere/exports" }
        }
    }

    @Test func aMissingConfigurationIsAnError() {
        #expect(throws: ConfigurationError.self) { try read([:]) }
    }
}
