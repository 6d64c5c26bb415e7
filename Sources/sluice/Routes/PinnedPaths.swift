import BitTorrentProtocol
import StateStore
import VirtualTree

/// What stands at the paths that routes pin.
struct PinnedPaths {
    /// What was found at a path; `nil` for nothing.
    typealias Found = (route: String, path: String, parts: [StoredPaths.Part]?)

    private let paths: StoredPaths

    init(store: StateStore) { paths = StoredPaths(store: store) }

    /// Looks once for each path that is pinned.
    ///
    /// Waits for the disk.
    func look(in routes: [Configuration.Route]) throws -> [Found] {
        try routes.flatMap { route in
            try route.pinned.map { path in
                let components = [route.name] + path.split(separator: "/").map(String.init)
                let parts = try paths.parts(at: components.map { Array($0.utf8) })
                return (route.name, path, parts.isEmpty ? nil : parts)
            }
        }
    }
}
