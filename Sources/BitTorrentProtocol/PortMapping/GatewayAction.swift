/// A call of a gateway's service over SOAP (UPnP WANIPConnection, sections 2.4 and 2.5).
package enum GatewayAction: Equatable, Sendable {
    package struct Mapping: Equatable, Sendable {
        package var transport: MappedTransport
        package var externalPort: UInt16
        package var internalPort: UInt16
        /// Numeric.
        package var internalHost: String
        /// Seconds; 0 is for ever.
        package var lifetime: UInt32

        package init(
            transport: MappedTransport,
            externalPort: UInt16,
            internalPort: UInt16,
            internalHost: String,
            lifetime: UInt32
        ) {
            self.transport = transport
            self.externalPort = externalPort
            self.internalPort = internalPort
            self.internalHost = internalHost
            self.lifetime = lifetime
        }
    }

    case externalAddress
    case add(Mapping)
    /// Version 2 of the service: the gateway takes another port if that one is taken.
    case addAny(Mapping)
    case delete(MappedTransport, externalPort: UInt16)

    /// What a person sees in the gateway's list.
    private static let mappingDescription = "Sluice"

    package var name: String {
        switch self {
        case .externalAddress: "GetExternalIPAddress"
        case .add: "AddPortMapping"
        case .addAny: "AddAnyPortMapping"
        case .delete: "DeletePortMapping"
        }
    }

    /// Value of the header `SOAPAction`.
    package func header(for service: GatewayService) -> String {
        "\"\(service.rawValue)#\(name)\""
    }

    package func body(for service: GatewayService) -> [UInt8] {
        let arguments = arguments.map { "<\($0)>\($1)</\($0)>" }.joined()
        return Array(
            ("<?xml version=\"1.0\"?>\r\n"
                + "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                + "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
                + "<u:\(name) xmlns:u=\"\(service.rawValue)\">\(arguments)</u:\(name)>"
                + "</s:Body></s:Envelope>\r\n").utf8
        )
    }

    /// In the order of the standard, on which some gateways insist.
    private var arguments: [(String, String)] {
        switch self {
        case .externalAddress: []
        case .add(let mapping), .addAny(let mapping):
            [
                ("NewRemoteHost", ""),
                ("NewExternalPort", "\(mapping.externalPort)"),
                ("NewProtocol", mapping.transport.name),
                ("NewInternalPort", "\(mapping.internalPort)"),
                ("NewInternalClient", mapping.internalHost),
                ("NewEnabled", "1"),
                ("NewPortMappingDescription", Self.mappingDescription),
                ("NewLeaseDuration", "\(mapping.lifetime)"),
            ]
        case .delete(let transport, let port):
            [
                ("NewRemoteHost", ""), ("NewExternalPort", "\(port)"),
                ("NewProtocol", transport.name),
            ]
        }
    }
}

/// What a gateway's service answers.
package enum GatewayAnswer: Equatable, Sendable {
    package static let maximumByteCount = 64 << 10
    private static let maximumValueCount = 32

    /// The values that it returns, by their names.
    case success([String: String])
    /// `errorCode` of a UPnP error.
    case fault(code: Int)

    /// - Parameter action: what was called.
    /// - Returns: `nil` for what is no answer to that.
    package init?(decoding bytes: [UInt8], to action: GatewayAction) {
        guard bytes.count <= Self.maximumByteCount,
            let answer = try? Self.answer(in: bytes, to: action)
        else { return nil }
        self = answer
    }

    private static func answer(
        in bytes: [UInt8],
        to action: GatewayAction
    ) throws(XMLError) -> GatewayAnswer? {
        var scanner = try XMLScanner(bytes)
        var path: [String] = []
        var isAnswered = false
        var values: [String: String] = [:]
        var code: Int?
        let prefix = ["Envelope", "Body"]
        while let event = try scanner.next() {
            switch event {
            case .open(let name):
                path.append(name)
                if path == prefix + ["\(action.name)Response"] { isAnswered = true }
            case .text(let text):
                guard path.starts(with: prefix), let name = path.last else { continue }
                if path.count == 4, isAnswered, values.count < maximumValueCount {
                    values[name] = text
                } else if path.suffix(2) == ["UPnPError", "errorCode"], path[2] == "Fault" {
                    code = Int(text.filter { !$0.isWhitespace })
                }
            case .close: path.removeLast()
            }
        }
        if let code { return .fault(code: code) }
        return isAnswered ? .success(values) : nil
    }

    /// `NewExternalIPAddress`: 4 bytes; `nil` if it is none.
    package var externalHost: [UInt8]? {
        guard case .success(let values) = self, let text = values["NewExternalIPAddress"],
            let address = PeerAddress(numericHost: text, port: 1), !address.isIPv6,
            !address.isUnspecified
        else { return nil }
        return address.host
    }

    /// `NewReservedPort` of `addAny`.
    package var reservedPort: UInt16? {
        guard case .success(let values) = self, let text = values["NewReservedPort"],
            let port = UInt16(text), port != 0
        else { return nil }
        return port
    }
}
