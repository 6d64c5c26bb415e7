/// What a client of an exports file is known by.
struct ExportClientParser {
    /// Addresses of a host name, none if it is unknown.
    let resolve: (String) -> [IPAddress]

    /// - Returns: with what the author should know although it is no error.
    func mark(
        of client: String,
        at position: ExportPosition
    ) throws(ExportSyntaxError) -> (Export.Rule.Mark, notice: ExportSyntaxError?) {
        if client == "*" { return (.addresses([.everyone]), nil) }
        if let prefix = IPPrefix(client) { return (.addresses([prefix]), nil) }
        if client.contains("/") || client.contains(":") {
            throw ExportSyntaxError(
                position: position,
                message: "\"\(client)\" is no network; write it like 192.168.1.0/24 or "
                    + "2001:db8::/64"
            )
        }
        if client.hasPrefix("@"), Self.isHostName(String(client.dropFirst())) {
            return (.netgroup(String(client.dropFirst())), nil)
        }
        if client.contains(where: { "*?[".contains($0) }) {
            return (.names(try pattern(client, at: position)), nil)
        }
        guard Self.isHostName(client) else {
            throw ExportSyntaxError(
                position: position,
                message: "\"\(client)\" is neither a host name nor an address"
            )
        }
        let addresses = resolve(client)
        let notice = ExportSyntaxError(
            position: position,
            message: "\(client) does not resolve, so it may mount nothing until the file is read "
                + "again; name its address to be sure"
        )
        return (.addresses(addresses.map(IPPrefix.init(host:))), addresses.isEmpty ? notice : nil)
    }

    private func pattern(
        _ client: String,
        at position: ExportPosition
    ) throws(ExportSyntaxError) -> HostPattern {
        if client.allSatisfy({ $0.isNumber || ".*?".contains($0) }) {
            throw ExportSyntaxError(
                position: position,
                message: "\"\(client)\": a pattern is one of names; write a network, such as "
                    + "192.168.0.0/16"
            )
        }
        guard let pattern = HostPattern(client) else {
            throw ExportSyntaxError(
                position: position,
                message: "\"\(client)\" is no pattern of host names; write it like "
                    + "*.example.org or node[1-9]"
            )
        }
        return pattern
    }

    private static func isHostName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 253
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5a).contains($0)
                    || (0x61...0x7a).contains($0) || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            }
    }
}
