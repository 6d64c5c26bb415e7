import BitTorrentProtocol
import TorrentEngine
import Yams

extension Configuration.Proxy {
    init(_ node: Node, _ reader: inout ConfigurationReader) {
        self.init()
        let keys = reader.mapping(
            node,
            "proxy",
            keys: ["type", "host", "port", "user", "password", "no_leak"]
        )
        reader.choice(keys["type"], "proxy: type") { kind = $0 }
        reader.string(keys["host"], "proxy: host") { value, _ in
            guard ProxyDestination(host: value, port: 1) != nil else {
                return "is “\(value)”; it must be a host name or an address"
            }
            host = value
            return nil
        }
        reader.integer(keys["port"], "proxy: port", 1...65_535) { port = $0 }
        reader.string(keys["user"], "proxy: user") { value, _ in
            user = value
            return nil
        }
        reader.string(keys["password"], "proxy: password") { value, _ in
            password = value
            return nil
        }
        reader.boolean(keys["no_leak"], "proxy: no_leak") { leaksNothing = $0 }
        if kind != .none, host == nil, keys["host"] == nil {
            reader.report(node, "a proxy needs a host; write “host: 192.0.2.1”")
        }
        switch (user, password) {
        case (nil, nil): break
        case (let user?, let password?):
            guard ProxyCredentials(user: user, password: password) == nil else { break }
            reader.report(
                node,
                "“proxy: user” and “password” must have 1 to 255 bytes without control "
                    + "characters, and the user no colon"
            )
        default:
            reader.report(node, "“proxy: user” and “password” go together; set both or neither")
        }
    }
}

extension ProxyConfiguration {
    /// - Returns: `nil` for no proxy.
    init?(_ proxy: Configuration.Proxy) {
        guard let language = ProxyProtocol(rawValue: proxy.kind.rawValue), let host = proxy.host
        else { return nil }
        self.init(
            language: language,
            host: host,
            port: UInt16(proxy.port),
            credentials: proxy.user.flatMap { user in
                proxy.password.flatMap { ProxyCredentials(user: user, password: $0) }
            }
        )
        allowsLeaks = !proxy.leaksNothing
    }
}
