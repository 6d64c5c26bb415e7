import BitTorrentProtocol
import TorrentLogic

/// What a person is told of the port at the gateway, in one line.
struct PortMappingNotice {
    /// Where we listen.
    let port: UInt16
    let gateway: DefaultGateway
    let clientHost: [UInt8]

    func text(_ mapping: PortMapping.Mapping) -> String {
        let transports = mapping.ports.keys.sorted().map(\.name)
        let missing = MappedTransport.allCases.map(\.name).filter { !transports.contains($0) }
        let only = missing.isEmpty ? "" : ", \(transports.joined(separator: " and ")) alone"
        let method = "\(mapping.method.rawValue)\(only)"
        let how = "mapped port \(port) at the gateway \(host(gateway.host)) (\(method))"
        let mapped = mapping.ports[.tcp] ?? mapping.ports[.udp] ?? port
        guard let external = mapping.host.flatMap({ PeerAddress(host: $0, port: mapped) }) else {
            return "\(how) to its port \(mapped)"
        }
        let reach = "\(how), reachable as \(external)"
        return external.isPrivate && clientHost.count == 4
            ? "\(reach), which is behind another router: peers outside cannot connect" : reach
    }

    func text(_ reasons: [String]) -> String {
        let why = reasons.joined(separator: "; ")
        return "port \(port) is not mapped at the gateway \(host(gateway.host)) (\(why)): let it "
            + "forward TCP and UDP port \(port) to \(host(clientHost)), so that more peers can "
            + "connect"
    }

    private func host(_ bytes: [UInt8]) -> String {
        PeerAddress(host: bytes, port: 1)?.hostText ?? ""
    }
}
