import BitTorrentProtocol
import TorrentEngine
import Yams

extension Configuration.Source {
    private static let kinds = ["torrent_path", "torrent_folder", "magnet", "serve_folder"]
    /// Keys beside `serve_folder`.
    private static let folderOptions = [
        "name", "version", "trackers", "private", "piece_length",
    ]

    static let keys = kinds + folderOptions

    /// - Parameter keys: of `node`, others among them.
    init?(_ node: Node, _ keys: [String: Node], _ reader: inout ConfigurationReader) {
        let given = Self.kinds.filter { keys[$0] != nil }
        guard given.count == 1, let name = given.first, let value = keys[name] else {
            if !reader.reported(node) {
                reader.report(
                    node,
                    "an entry must have exactly one of \(Self.kinds.joined(separator: ", "))"
                )
            }
            return nil
        }
        if name == "serve_folder" {
            guard let folder = Self.folder(value, keys, &reader) else { return nil }
            self = .served(folder)
            return
        }
        for option in Self.folderOptions {
            guard let value = keys[option] else { continue }
            reader.report(value, "\(option) goes with serve_folder alone; delete it here")
        }
        guard let made = Self.source(name, value, &reader) else { return nil }
        self = made
    }

    private static func source(
        _ name: String,
        _ value: Node,
        _ reader: inout ConfigurationReader
    ) -> Self? {
        var made: Self?
        switch name {
        case "torrent_path": reader.path(value, name) { made = .file(path: $0) }
        case "torrent_folder": reader.path(value, name) { made = .folder(path: $0) }
        default:
            reader.string(value, name) { link, _ in
                made = .magnet(link)
                guard link.hasPrefix("magnet:?") else { return "must begin with “magnet:?”" }
                do throws(MagnetError) {
                    _ = try MagnetLink(link)
                    return nil
                } catch {
                    return "cannot be read: \(error)"
                }
            }
        }
        return made
    }

    private static func folder(
        _ value: Node,
        _ keys: [String: Node],
        _ reader: inout ConfigurationReader
    ) -> ServedFolder? {
        var made: ServedFolder?
        reader.path(value, "serve_folder") { path in
            let last = path.split(separator: "/").last { $0 != "." }.map(String.init)
            made = ServedFolder(path: path, name: last ?? "")
        }
        guard var folder = made else { return nil }
        reader.string(keys["name"], "name") { name, _ in
            folder.name = name
            return nil
        }
        if folder.name.isEmpty || folder.name == ".." {
            reader.report(value, "serve_folder “\(folder.path)” has no name; add “name: films”")
        }
        reader.string(keys["version"], "version") { text, _ in
            guard let version = versions[text] else {
                return
                    "is “\(text)”; it must be one of \(versions.keys.sorted().joined(separator: ", "))"
            }
            folder.version = version
            return nil
        }
        if let list = keys["trackers"] {
            for node in reader.list(list, "trackers") {
                reader.string(node, "trackers") { url, _ in
                    folder.trackers.append(url)
                    return isTracker(url)
                        ? nil : "has “\(url)”; each must begin with http://, https:// or udp://"
                }
            }
        }
        reader.boolean(keys["private"], "private") { folder.isPrivate = $0 }
        reader.string(keys["piece_length"], "piece_length") { text, _ in
            if text == "auto" { return nil }
            folder.pieceLength = UInt32(text).flatMap { PieceLength.isAllowed($0) ? $0 : nil }
            return folder.pieceLength == nil
                ? "is “\(text)”; it must be auto or a power of two from \(PieceLength.allowed.lowerBound)"
                    + " to \(PieceLength.allowed.upperBound) bytes" : nil
        }
        return folder
    }

    private static let versions: [String: TorrentInfo.Version] = [
        "v1": .version1, "v2": .version2, "hybrid": .hybrid,
    ]

    private static func isTracker(_ url: String) -> Bool {
        ["http://", "https://", "udp://"].contains { url.lowercased().hasPrefix($0) }
            && url.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
    }
}
