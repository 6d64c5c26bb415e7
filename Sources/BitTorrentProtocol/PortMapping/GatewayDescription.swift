/// The services of an Internet gateway that map ports, in the order in which they are to be tried.
package enum GatewayService: String, CaseIterable, Sendable {
    case ip2 = "urn:schemas-upnp-org:service:WANIPConnection:2"
    case ip1 = "urn:schemas-upnp-org:service:WANIPConnection:1"
    case ppp1 = "urn:schemas-upnp-org:service:WANPPPConnection:1"
}

/// What a gateway says of itself (UPnP Device Architecture, section 2): which services it has that
/// map ports, and where they are called.
package struct GatewayDescription: Equatable, Sendable {
    package static let maximumByteCount = XMLScanner.maximumByteCount
    private static let maximumServiceCount = 64

    /// In the order of `GatewayService`.
    package var services: [Service]

    package struct Service: Equatable, Sendable {
        package var kind: GatewayService
        package var controlURL: GatewayURL
    }

    /// - Parameter url: where the description was read: references begin there and stay there.
    /// - Returns: `nil` for what is no description of a gateway that maps ports.
    package init?(decoding bytes: [UInt8], from url: GatewayURL) {
        guard let found = try? Self.services(in: bytes, url) else { return nil }
        services = GatewayService.allCases.flatMap { kind in found.filter { $0.kind == kind } }
        if services.isEmpty { return nil }
    }

    private static func services(
        in bytes: [UInt8],
        _ url: GatewayURL
    ) throws(XMLError) -> [Service] {
        var scanner = try XMLScanner(bytes)
        var base = url
        var found: [(kind: GatewayService, reference: String)] = []
        var path: [String] = []
        var kind: String?
        var reference: String?
        while let event = try scanner.next() {
            switch event {
            case .open(let name):
                path.append(name)
                if name == "service" { (kind, reference) = (nil, nil) }
            case .text(let text):
                let value = text.trimmed
                switch path.last {
                case "serviceType" where path.dropLast().last == "service": kind = value
                case "controlURL" where path.dropLast().last == "service": reference = value
                case "URLBase" where path.count == 2: base = url.resolving(value) ?? url
                default: break
                }
            case .close(let name):
                path.removeLast()
                guard name == "service", let text = kind, let kind = GatewayService(rawValue: text),
                    let reference, found.count < maximumServiceCount
                else { continue }
                found.append((kind, reference))
            }
        }
        return found.compactMap { kind, reference in
            base.resolving(reference).map { Service(kind: kind, controlURL: $0) }
        }
    }
}

extension String {
    /// Without space at either end.
    fileprivate var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.lastIndex { !$0.isWhitespace }.map { start[...$0] } ?? "")
    }
}
