/// A client as the exports see it.
package struct ClientHost: Equatable, Sendable {
    package let address: IPAddress
    /// The host names of the address that lead back to it.
    package var names: [String]
    /// The netgroups of the exports that one of the names, or the address, is in.
    package var netgroups: Set<String>

    package init(address: IPAddress, names: [String] = [], netgroups: Set<String> = []) {
        self.address = address
        self.names = names
        self.netgroups = netgroups
    }
}
