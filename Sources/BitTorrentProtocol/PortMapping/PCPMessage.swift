/// The UDP port of gateways that speak PCP or NAT-PMP.
package let portMappingGatewayPort: UInt16 = 5351

/// Asks a gateway to map a port, or in a firewall to open it (RFC 6887, section 11).
package struct PCPMapRequest: Equatable, Sendable {
    package static let version: UInt8 = 2
    package static let nonceByteCount = 12
    static let mapOpcode: UInt8 = 1

    /// 12 bytes by which the answer is known; the same for all requests about one mapping.
    package var nonce: [UInt8]
    package var transport: MappedTransport
    /// Our address as the gateway sees it: 4 or 16 bytes, the source of the packet.
    package var clientHost: [UInt8]
    package var internalPort: UInt16
    /// 0 if any will do.
    package var suggestedPort: UInt16
    /// Seconds; 0 removes the mapping.
    package var lifetime: UInt32

    package init(
        nonce: [UInt8],
        transport: MappedTransport,
        clientHost: [UInt8],
        internalPort: UInt16,
        suggestedPort: UInt16,
        lifetime: UInt32
    ) {
        self.nonce = nonce
        self.transport = transport
        self.clientHost = clientHost
        self.internalPort = internalPort
        self.suggestedPort = suggestedPort
        self.lifetime = lifetime
    }

    package func encode() -> [UInt8] {
        var output: [UInt8] = [Self.version, Self.mapOpcode, 0, 0]
        output.append(bigEndian: lifetime)
        output += PCPHost.bytes(clientHost)
        output += nonce
        output += [transport.rawValue, 0, 0, 0]
        output.append(bigEndian: internalPort)
        output.append(bigEndian: suggestedPort)
        // Any external address of the family will do.
        output += clientHost.count == 4 ? PCPHost.bytes([0, 0, 0, 0]) : PCPHost.unspecified
        return output
    }
}

/// What a gateway answers to a `PCPMapRequest`.
package struct PCPMapResponse: Equatable, Sendable {
    /// More is no answer of PCP (RFC 6887, section 7).
    package static let maximumByteCount = 1100

    /// RFC 6887, section 7.4.
    package enum Result: Equatable, Sendable {
        case success
        /// The gateway speaks another version of PCP, or NAT-PMP alone.
        case unsupportedVersion
        /// Its code.
        case refused(UInt8)
    }

    package var result: Result
    /// Seconds: of the mapping, or after a refusal until the request may be repeated.
    package var lifetime: UInt32
    /// Seconds since the gateway lost its mappings.
    package var epoch: UInt32
    package var nonce: [UInt8]
    package var transport: MappedTransport
    package var internalPort: UInt16
    package var externalPort: UInt16
    /// 4 or 16 bytes.
    package var externalHost: [UInt8]

    /// - Returns: `nil` for what is no answer to a request to map.
    package init?(decoding bytes: [UInt8]) {
        guard (60...Self.maximumByteCount).contains(bytes.count), bytes.count % 4 == 0,
            bytes[1] == 0x80 | PCPMapRequest.mapOpcode,
            bytes[0] == PCPMapRequest.version || bytes[3] == 1,
            let lifetime: UInt32 = bytes.bigEndian(at: 4),
            let epoch: UInt32 = bytes.bigEndian(at: 8),
            let transport = MappedTransport(rawValue: bytes[36]),
            let internalPort: UInt16 = bytes.bigEndian(at: 40),
            let externalPort: UInt16 = bytes.bigEndian(at: 42)
        else { return nil }
        switch bytes[3] {
        case 0: result = .success
        case 1: result = .unsupportedVersion
        case let code: result = .refused(code)
        }
        self.lifetime = lifetime
        self.epoch = epoch
        nonce = Array(bytes[24..<36])
        self.transport = transport
        self.internalPort = internalPort
        self.externalPort = externalPort
        externalHost = PCPHost.host(bytes[44..<60])
    }

    /// The words of RFC 6887 for a code.
    package static func reason(of code: UInt8) -> String {
        let reasons: [UInt8: String] = [
            2: "not authorized", 3: "malformed request", 4: "unsupported operation",
            5: "unsupported option", 6: "malformed option", 7: "network failure",
            8: "no resources", 9: "unsupported protocol", 10: "quota exceeded",
            11: "cannot provide that external port", 12: "address mismatch",
        ]
        return reasons[code] ?? "code \(code)"
    }
}

/// Addresses in PCP are always 16 bytes; IPv4 ones are mapped.
private enum PCPHost {
    static let unspecified = [UInt8](repeating: 0, count: 16)
    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xff, 0xff]

    static func bytes(_ host: [UInt8]) -> [UInt8] { host.count == 4 ? mappedPrefix + host : host }

    static func host(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(bytes.starts(with: mappedPrefix) ? bytes.suffix(4) : bytes)
    }
}
