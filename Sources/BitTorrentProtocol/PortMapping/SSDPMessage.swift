/// The search for an Internet gateway on the local network (UPnP Device Architecture, section 1.3).
package enum SSDPSearch {
    package static let group = "239.255.255.250"
    package static let port: UInt16 = 1900
    /// Both versions: a gateway of the second also answers for the first, but not every one does.
    package static let targets = [1, 2].map {
        "urn:schemas-upnp-org:device:InternetGatewayDevice:\($0)"
    }
    /// Seconds over which answers are spread.
    package static let answerSeconds = 2

    package static func encode(target: String) -> [UInt8] {
        let lines = [
            "M-SEARCH * HTTP/1.1", "HOST: \(group):\(port)", "MAN: \"ssdp:discover\"",
            "MX: \(answerSeconds)", "ST: \(target)",
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }
}

/// A gateway's answer to the search: where its description is.
package struct SSDPResponse: Equatable, Sendable {
    /// More is no such answer.
    package static let maximumByteCount = 2048
    private static let maximumLineCount = 64

    package var location: GatewayURL

    /// - Returns: `nil` unless it is the answer of an Internet gateway that has a location.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count <= Self.maximumByteCount else { return nil }
        let lines = bytes.split(
            separator: UInt8(ascii: "\n"),
            maxSplits: Self.maximumLineCount
        ).prefix(Self.maximumLineCount).map { line in
            line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        }
        guard let first = lines.first, first.starts(with: "HTTP/1.1 200".utf8) else { return nil }
        var location: GatewayURL?
        var isGateway = false
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
                .drop { $0 == " " || $0 == "\t" }
            switch String(decoding: line[..<colon], as: UTF8.self).lowercased() {
            case "location" where location == nil: location = GatewayURL(String(value))
            case "st": isGateway = SSDPSearch.targets.contains(String(value))
            default: break
            }
        }
        guard isGateway, let location else { return nil }
        self.location = location
    }
}
