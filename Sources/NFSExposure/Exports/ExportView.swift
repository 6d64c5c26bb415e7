/// The directory of the tree that an export shows, where that is not the one at its path.
///
/// `route=films` is the directory of that route, `path=/Season 1` a directory below it, or below
/// the tree's root without a route.
struct ExportView: Equatable {
    private var route: [UInt8]?
    private var path: [[UInt8]]?

    /// The way from the tree's root; `nil` if neither option was given.
    var components: [[UInt8]]? {
        guard route != nil || path != nil else { return nil }
        return (route.map { [$0] } ?? []) + (path ?? [])
    }

    mutating func apply(
        _ name: String,
        value: String,
        at position: ExportPosition
    ) throws(ExportSyntaxError) {
        let parts = value.utf8.split(separator: Ascii.slash).map(Array.init)
        guard !parts.contains(where: { $0 == [0x2e] || $0 == [0x2e, 0x2e] }) else {
            throw ExportSyntaxError(
                position: position,
                message: "\".\" and \"..\" cannot stand in \(name)="
            )
        }
        if name == "route" {
            guard parts.count == 1, !value.utf8.contains(Ascii.slash) else {
                throw ExportSyntaxError(
                    position: position,
                    message: "route= takes the name of one route of config.yaml"
                )
            }
            route = parts[0]
        } else {
            guard value.hasPrefix("/") else {
                throw ExportSyntaxError(
                    position: position,
                    message: "path= takes a path that begins with a slash, below the route if "
                        + "there is route=, else below the root of the tree"
                )
            }
            path = parts
        }
    }
}
