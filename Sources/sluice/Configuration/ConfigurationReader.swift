import NIOCore
import VirtualTree
import Yams

/// Takes values out of YAML nodes and collects what is wrong with them, so that one run names every
/// fault of a file.
struct ConfigurationReader {
    private(set) var problems: [ConfigurationError.Problem] = []

    var problemsInOrder: [ConfigurationError.Problem] {
        problems.sorted { ($0.line ?? 0) < ($1.line ?? 0) }
    }

    mutating func report(_ node: Node, _ message: String) {
        problems.append(ConfigurationError.Problem(line: node.mark?.line, message: message))
    }

    /// Whether a fault on the line of this node is known already.
    func reported(_ node: Node) -> Bool {
        problems.contains { $0.line == node.mark?.line }
    }

    /// The values of a mapping by their keys; keys without a value are left out.
    mutating func mapping(_ node: Node, _ what: String, keys known: [String]) -> [String: Node] {
        if isNull(node) { return [:] }
        guard case .mapping(let mapping) = node else {
            report(node, "\(what) must be a mapping with keys of \(known.joined(separator: ", "))")
            return [:]
        }
        var values: [String: Node] = [:]
        for (key, value) in mapping {
            guard let name = key.string, known.contains(name) else {
                report(
                    key,
                    "unknown key “\(key.string ?? "?")” in \(what); known are "
                        + known.joined(separator: ", ")
                )
                continue
            }
            if !isNull(value) { values[name] = value }
        }
        return values
    }

    mutating func list(_ node: Node, _ what: String) -> [Node] {
        guard case .sequence(let sequence) = node else {
            report(node, "\(what) must be a list: lines that begin with “- ”")
            return []
        }
        return Array(sequence)
    }

    /// - Parameter take: returns what is wrong with the value, `nil` if it is taken.
    mutating func string(
        _ node: Node?,
        _ what: String,
        take: (String, inout Self) -> String?
    ) {
        guard let node else { return }
        guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
            report(node, "\(what) must be a text that is not empty")
            return
        }
        if let fault = take(scalar.string, &self) { report(node, "\(what) \(fault)") }
    }

    mutating func path(_ node: Node?, _ what: String, take: (String) -> Void) {
        string(node, what) { value, _ in
            if value.utf8.contains(0) { return "must not contain a NUL" }
            take(value)
            return nil
        }
    }

    /// Paths of torrents, folders and files below a route.
    mutating func pathsInRoute(_ node: Node?, _ what: String) -> [String] {
        guard let node else { return [] }
        var paths: [String] = []
        for node in list(node, what) {
            path(node, what) { paths.append($0) }
            guard let path = node.string else { continue }
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
                report(
                    node,
                    "\(what) has “\(path)”; each must be a path below the route, as clients see it, "
                        + "such as Metropolis/film.mkv"
                )
            }
        }
        return paths
    }

    mutating func integer(
        _ node: Node?,
        _ what: String,
        _ range: ClosedRange<Int>,
        take: (Int) -> Void
    ) { number(node, what, range, take: take) }

    /// Bytes of a cache: none for no limit, or as many as reading takes.
    mutating func cacheSize(_ node: Node?, _ what: String, take: (Int) -> Void) {
        string(node, what) { value, _ in
            guard let number = Int(value), number == 0 || number >= Configuration.leastCacheSize
            else {
                return "is “\(value)”; it must be a number of bytes, at least "
                    + "\(Configuration.leastCacheSize), or 0 for no limit"
            }
            take(number)
            return nil
        }
    }

    mutating func decimal(
        _ node: Node?,
        _ what: String,
        _ range: ClosedRange<Double>,
        take: (Double) -> Void
    ) { number(node, what, range, take: take) }

    private mutating func number<Number: LosslessStringConvertible & Comparable>(
        _ node: Node?,
        _ what: String,
        _ range: ClosedRange<Number>,
        take: (Number) -> Void
    ) {
        string(node, what) { value, _ in
            guard let number = Number(value), range.contains(number) else {
                return "is “\(value)”; it must be a number from \(range.lowerBound) to "
                    + "\(range.upperBound)"
            }
            take(number)
            return nil
        }
    }

    mutating func boolean(_ node: Node?, _ what: String, take: (Bool) -> Void) {
        string(node, what) { value, _ in
            guard value == "true" || value == "false" else {
                return "is “\(value)”; it must be true or false"
            }
            take(value == "true")
            return nil
        }
    }

    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ node: Node?,
        _ what: String,
        take: (Choice) -> Void
    ) {
        string(node, what) { value, _ in
            guard let choice = Choice(rawValue: value) else {
                let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
                return "is “\(value)”; it must be one of \(known)"
            }
            take(choice)
            return nil
        }
    }

    /// A numeric IPv4 or IPv6 address to listen on.
    mutating func address(_ node: Node?, _ what: String, take: (String) -> Void) {
        string(node, what) { value, _ in
            guard (try? SocketAddress(ipAddress: value, port: 0)) != nil else {
                return "is “\(value)”; it must be a numeric address such as 0.0.0.0 or ::"
            }
            take(value)
            return nil
        }
    }

    mutating func routeName(_ node: Node?, take: (String) -> Void) {
        string(node, "name") { value, _ in
            guard FileName.component(Array(value.utf8)) == Array(value.utf8) else {
                return "is “\(value)”; a route is one directory, so it must be one name without "
                    + "slashes or control characters, of at most 255 bytes"
            }
            take(value)
            return nil
        }
    }

    private func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }
}
