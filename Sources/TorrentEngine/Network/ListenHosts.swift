/// The local addresses that a configured one stands for, one for each family.
///
/// `::` is every address of this machine, of both families; `0.0.0.0` is every one of IPv4. An
/// interface behind it, as in `::%wg0`, is kept (`BindPlace`).
struct ListenHosts: Equatable, Sendable {
    let ipv4: String?
    let ipv6: String?

    init(_ host: String) {
        let place = BindPlace(host)
        if place.host == "::" {
            let everyIPv4 = BindPlace(host: "0.0.0.0", interface: place.interface)
            (ipv4, ipv6) = (everyIPv4.description, host)
        } else {
            (ipv4, ipv6) = place.host.contains(":") ? (nil, host) : (host, nil)
        }
    }

    subscript(isIPv6 isIPv6: Bool) -> String? { isIPv6 ? ipv6 : ipv4 }
}
