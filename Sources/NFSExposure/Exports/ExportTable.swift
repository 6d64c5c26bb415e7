/// A directory of the tree that clients may mount, and who may.
package struct Export: Equatable, Sendable {
    /// One client specification of the exports file.
    package struct Rule: Equatable, Sendable {
        /// What a client is known by.
        package enum Mark: Equatable, Sendable {
            /// Several addresses where a name resolves to several, none where a name did not.
            case addresses([IPPrefix])
            case names(HostPattern)
            case netgroup(String)
        }

        /// As the file names it: `192.168.1.0/24`, `kodi.lan`, `*.lan`, `@players`, `*`.
        package let client: String
        package let mark: Mark
        package let options: ExportOptions
    }

    /// Absolute, without a trailing slash.
    package let path: String
    /// `path` by its parts.
    package let pathComponents: [[UInt8]]
    /// The way from the tree's root to the exported directory.
    package let components: [[UInt8]]
    /// Stable hash of `path`: what a file handle carries.
    package let id: UInt32
    /// Non-zero; `fsid=` of the file, else a stable hash of `path`.
    package let fsid: UInt64
    package let rules: [Rule]

    /// Exact hosts, then networks by descending length; they are tried first.
    private let networks: [(prefix: IPPrefix, rule: Int)]
    /// Then patterns of names in the order of the file, and netgroups likewise.
    private let patterns: [(pattern: HostPattern, rule: Int)]
    private let netgroupRules: [(netgroup: String, rule: Int)]
    /// The rule for everyone, which comes last.
    private let everyone: Int?

    init(path: String, components: [[UInt8]], fsid: UInt64?, rules: [Rule]) {
        self.path = path
        pathComponents = path.utf8.split(separator: Ascii.slash).map(Array.init)
        self.components = components
        self.rules = rules
        let hash = StableHash.of(path.utf8)
        id = UInt32(truncatingIfNeeded: hash ^ hash >> 32)
        self.fsid = fsid ?? max(hash, 1)
        var prefixes: [(prefix: IPPrefix, rule: Int)] = []
        for case (let index, .addresses(let own)) in rules.map(\.mark).enumerated() {
            prefixes += own.map { ($0, index) }
        }
        networks = prefixes.filter { $0.prefix != .everyone }.sorted {
            ($0.prefix.length, $1.rule) > ($1.prefix.length, $0.rule)
        }
        everyone = prefixes.first { $0.prefix == .everyone }?.rule
        patterns = rules.enumerated().compactMap { index, rule in
            if case .names(let pattern) = rule.mark { (pattern, index) } else { nil }
        }
        netgroupRules = rules.enumerated().compactMap { index, rule in
            if case .netgroup(let name) = rule.mark { (name, index) } else { nil }
        }
    }

    static func path(of components: [[UInt8]]) -> String {
        "/" + components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }

    /// - Returns: the most specific rule for a client; `nil` if there is none.
    package func rule(for host: ClientHost) -> Rule? {
        let place =
            network(of: host.address)
            ?? patterns.first { host.names.contains(where: $0.pattern.matches) }?.rule
            ?? netgroupRules.first { host.netgroups.contains($0.netgroup) }?.rule
            ?? everyone
        return place.map { rules[$0] }
    }

    package func options(for host: ClientHost) -> ExportOptions? { rule(for: host)?.options }

    /// Like ``options(for:)``, with the rule on source ports applied.
    package func options(for host: ClientHost, port: Int) -> ExportOptions? {
        guard let options = options(for: host) else { return nil }
        return options.requiresPrivilegedPort && port >= 1024 ? nil : options
    }

    /// Whether who this is depends on names.
    fileprivate func needsNames(of address: IPAddress) -> Bool {
        !(patterns.isEmpty && netgroupRules.isEmpty) && network(of: address) == nil
    }

    fileprivate var netgroups: [String] { netgroupRules.map(\.netgroup) }

    private func network(of address: IPAddress) -> Int? {
        networks.first { $0.prefix.contains(address) }?.rule
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.path == right.path && left.components == right.components
            && left.fsid == right.fsid && left.rules == right.rules
    }
}

/// Everything that is exported: one value, replaced as a whole when the file is read again.
package struct ExportTable: Equatable, Sendable {
    /// In ascending order of path.
    package let exports: [Export]
    /// Where the tree's root stands in the paths that clients mount.
    package let treePath: String
    let treeComponents: [[UInt8]]

    private let indexByID: [UInt32: Int]

    init(exports: [Export], treePath: String) {
        self.exports = exports.sorted { $0.path < $1.path }
        self.treePath = treePath
        treeComponents = treePath.utf8.split(separator: Ascii.slash).map(Array.init)
        indexByID = Dictionary(
            self.exports.enumerated().map { ($1.id, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// A table that exports nothing.
    package static func empty(treePath: String = "/torrents") -> Self {
        Self(exports: [], treePath: treePath)
    }

    package func export(id: UInt32) -> Export? {
        indexByID[id].map { exports[$0] }
    }

    /// The exports that a caller may mount, in ascending order of path.
    package func exports(for host: ClientHost, port: Int) -> [Export] {
        exports.filter { $0.options(for: host, port: port) != nil }
    }

    /// Whether the names of a client, or its netgroups, have a say in what it may mount.
    package func needsNames(of address: IPAddress) -> Bool {
        exports.contains { $0.needsNames(of: address) }
    }

    /// All that are named.
    package var netgroups: Set<String> { Set(exports.flatMap(\.netgroups)) }

    func isInTree(_ path: [[UInt8]]) -> Bool { path.starts(with: treeComponents) }

    /// The deepest export at or above the path that a client mounts.
    package func export(covering path: [[UInt8]]) -> Export? {
        exports.filter { path.starts(with: $0.pathComponents) }
            .max { $0.pathComponents.count < $1.pathComponents.count }
    }
}

/// FNV-1a over 64 bits: for values that must be the same in every process that ever runs.
enum StableHash {
    static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
