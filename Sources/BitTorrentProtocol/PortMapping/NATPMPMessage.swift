/// Asks a gateway for its external address or for a mapping (RFC 6886).
package enum NATPMPRequest: Equatable, Sendable {
    case externalAddress
    /// A lifetime of 0 seconds removes the mapping; the suggested port is 0 if any will do.
    case map(MappedTransport, internalPort: UInt16, suggestedPort: UInt16, lifetime: UInt32)

    package func encode() -> [UInt8] {
        switch self {
        case .externalAddress: return [0, 0]
        case .map(let transport, let internalPort, let suggestedPort, let lifetime):
            var output: [UInt8] = [0, transport == .udp ? 1 : 2, 0, 0]
            output.append(bigEndian: internalPort)
            output.append(bigEndian: suggestedPort)
            output.append(bigEndian: lifetime)
            return output
        }
    }
}

/// What a gateway answers to a `NATPMPRequest`.
package struct NATPMPResponse: Equatable, Sendable {
    package enum Body: Equatable, Sendable {
        /// 4 bytes.
        case externalAddress([UInt8])
        case mapped(
            MappedTransport,
            internalPort: UInt16,
            externalPort: UInt16,
            lifetime: UInt32
        )
        /// Of which request is said by the operation alone, and by nothing if the gateway does not
        /// know that one either.
        case refused(code: UInt16)
    }

    /// Seconds since the gateway lost its mappings.
    package var epoch: UInt32
    package var body: Body

    /// - Returns: `nil` for what is no answer of NAT-PMP.
    package init?(decoding bytes: [UInt8]) {
        guard (8...16).contains(bytes.count), bytes[0] == 0, bytes[1] & 0x80 != 0,
            let code: UInt16 = bytes.bigEndian(at: 2), let epoch: UInt32 = bytes.bigEndian(at: 4)
        else { return nil }
        self.epoch = epoch
        guard code == 0 else {
            body = .refused(code: code)
            return
        }
        switch bytes[1] & 0x7f {
        case 0 where bytes.count == 12: body = .externalAddress(Array(bytes[8..<12]))
        case 1, 2:
            guard let internalPort: UInt16 = bytes.bigEndian(at: 8),
                let externalPort: UInt16 = bytes.bigEndian(at: 10),
                let lifetime: UInt32 = bytes.bigEndian(at: 12)
            else { return nil }
            body = .mapped(
                bytes[1] & 0x7f == 1 ? .udp : .tcp,
                internalPort: internalPort,
                externalPort: externalPort,
                lifetime: lifetime
            )
        default: return nil
        }
    }

    /// The words of RFC 6886, section 3.5, for a code.
    package static func reason(of code: UInt16) -> String {
        switch code {
        case 1: "unsupported version"
        case 2: "not authorized"
        case 3: "network failure"
        case 4: "out of resources"
        case 5: "unsupported operation"
        default: "code \(code)"
        }
    }
}
