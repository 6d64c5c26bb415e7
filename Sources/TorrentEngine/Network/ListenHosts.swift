/// The local addresses that a configured one stands for, one for each family.
///
/// `::` is every address of this machine, of both families; `0.0.0.0` is every one of IPv4.
struct ListenHosts: Equatable, Sendable {
    let ipv4: String?
    let ipv6: String?

    init(_ host: String) {
        switch host {
        case "::": (ipv4, ipv6) = ("0.0.0.0", "::")
        case let host where host.contains(":"): (ipv4, ipv6) = (nil, host)
        default: (ipv4, ipv6) = (host, nil)
        }
    }

    subscript(isIPv6 isIPv6: Bool) -> String? { isIPv6 ? ipv6 : ipv4 }
}
