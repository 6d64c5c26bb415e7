import Foundation
import NFSExposure
import TorrentEngine
import TorrentLogic

/// Where settings come from: the configuration file, the files of exports and of address ranges that
/// it names, and the flags of the command line, which win over all.
struct ConfigurationFile: Sendable {
    /// All files, read without an error.
    struct Settings: Sendable {
        let configuration: Configuration
        let exports: ExportTable
        /// `nil` if the configuration names no file of address ranges.
        let ipFilter: IPFilter?
        /// What the author of the files should know although it is no error.
        let notices: [String]
    }

    let path: String
    var port: Int?
    var stateDirectory: String?
    var exports: String?

    /// Larger files are no configuration.
    private static let maximumByteCount = 1 << 20
    /// Some millions of ranges.
    private static let maximumFilterByteCount = 256 << 20

    /// All or nothing: with one fault in any of the files there are no settings.
    func read() throws -> Settings {
        let configuration = try readConfiguration()
        let (table, notices) = try readExports(configuration)
        let ipFilter = try configuration.bitTorrent.ipFilter.map { path in
            try IPFilter(
                parsing: try contents(of: path, limit: Self.maximumFilterByteCount),
                file: path
            )
        }
        return Settings(
            configuration: configuration,
            exports: table,
            ipFilter: ipFilter,
            notices: notices
        )
    }

    /// The exports alone.
    ///
    /// - Parameter path: the file in place of that which the configuration names.
    func readExports(at path: String? = nil) throws -> (table: ExportTable, notices: [String]) {
        var file = self
        if let path { file.exports = path }
        return try file.readExports(file.readConfiguration())
    }

    /// The configuration alone, with the flags of the command line.
    func readConfiguration() throws -> Configuration {
        let here = FileManager.default.currentDirectoryPath
        let text = try configurationText()
        var configuration = try Configuration(yaml: text, file: path)
            .resolvingPaths(from: directory(of: absolutePath(path, from: here)))
        if let port { configuration.nfs.port = port }
        if let stateDirectory {
            configuration.stateDirectory = absolutePath(stateDirectory, from: here)
        }
        if let exports { configuration.nfs.exports = absolutePath(exports, from: here) }
        try checkServedFolders(of: configuration)
        return configuration
    }

    /// What a server writes all the time makes no torrent.
    private func checkServedFolders(of configuration: Configuration) throws(ConfigurationError) {
        let own = [configuration.stateDirectory, configuration.cachePath]
        let problems = configuration.routes.flatMap(\.servedFolders).compactMap { folder in
            own.first { "\($0)/".hasPrefix(folder.path == "/" ? "/" : "\(folder.path)/") }.map {
                ConfigurationError.Problem(
                    line: nil,
                    message:
                        "serve_folder “\(folder.path)” holds “\($0)”, which the server writes; "
                        + "serve another folder"
                )
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(file: path, problems: problems) }
    }

    private func configurationText() throws -> String {
        do {
            let bytes = try contents(of: path, limit: Self.maximumByteCount)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw ConfigurationError(
                    file: path,
                    problems: [.init(line: nil, message: "not UTF-8 text; save it as UTF-8")]
                )
            }
            return text
        } catch let error as UnreadableFile {
            throw ConfigurationError(
                file: path,
                problems: [
                    .init(line: nil, message: "\(error.reason); name the file with --config")
                ]
            )
        }
    }

    private func readExports(
        _ configuration: Configuration
    ) throws -> (table: ExportTable, notices: [String]) {
        let root = configuration.nfs.root
        let path = configuration.nfs.exports
        let bytes: [UInt8]
        let name: String
        do {
            bytes = try contents(of: path, limit: Self.maximumByteCount)
            name = path
        } catch {
            guard error.isAbsent, exports == nil else { throw error }
            bytes = Array("\(root) 127.0.0.0/8(ro) ::1(ro)\n".utf8)
            name = "built-in exports"
        }
        let file = try ExportFile.parse(bytes, file: name, treePath: root)
        var notices = file.notices.map(\.description)
        if name != path {
            notices.append("\(path) does not exist: this machine may mount \(root), nobody else")
        }
        return (file.table, notices)
    }

    private func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
