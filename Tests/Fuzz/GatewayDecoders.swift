import BitTorrentProtocol
import NIOCore

extension Decoder {
    /// What the router answers when it is asked to map a port, and a proxy to connect.
    static let gatewayDecoders: [Decoder] = [
        pcp, natPMP, gatewaySearch, gatewayDescription, gatewayAnswer, socks5, socks5Relay,
        httpProxy,
    ]

    private static let pcp = Decoder(
        "PCP answer",
        samples: [
            [2, 0x81, 0, 0, 0, 0, 0x1c, 0x20, 0, 0, 0, 9] + [UInt8](repeating: 0, count: 12)
                + Array(1...12) + [6, 0, 0, 0, 0x1a, 0xe1, 0x1a, 0xe2]
                + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7]
        ]
    ) { bytes, _ in
        guard let response = PCPMapResponse(decoding: bytes) else { return false }
        try promise([4, 16].contains(response.externalHost.count), "that is no address")
        return true
    }

    private static let natPMP = Decoder(
        "NAT-PMP answer",
        samples: [
            [0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7],
            [0, 130, 0, 0, 0, 0, 0, 9, 0x1a, 0xe1, 0x1a, 0xe2, 0, 0, 0x1c, 0x20],
        ]
    ) { bytes, _ in
        NATPMPResponse(decoding: bytes) != nil
    }

    private static let gatewaySearch = Decoder(
        "SSDP answer",
        samples: [
            Array(
                ("HTTP/1.1 200 OK\r\nST: \(SSDPSearch.targets[0])\r\nEXT:\r\n"
                    + "LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n").utf8
            )
        ],
        alphabet: " :\r\n/.0a"
    ) { bytes, _ in
        guard let response = SSDPResponse(decoding: bytes) else { return false }
        try promise(
            GatewayURL(response.location.description) == response.location,
            "its location reads as another one"
        )
        return true
    }

    private static let gatewayDescription = Decoder(
        "gateway description",
        samples: [
            Array(
                """
                <?xml version="1.0"?><root xmlns="u"><URLBase>http://10.0.0.1:80/</URLBase><device>
                <!-- --><service><serviceType>\(GatewayService.ip1.rawValue)</serviceType>
                <controlURL>/ctl&amp;x</controlURL><a/></service></device></root>
                """.utf8
            )
        ],
        alphabet: "<>/&;'\"=!-? a[]"
    ) { bytes, _ in
        guard let url = GatewayURL("http://10.0.0.1:5000/desc.xml"),
            let description = GatewayDescription(decoding: bytes, from: url)
        else { return false }
        try promise(
            description.services.allSatisfy { $0.controlURL.address.host == url.address.host },
            "a service is at another host"
        )
        return true
    }

    private static let gatewayAnswer = Decoder(
        "SOAP answer",
        samples: [
            "<s:Envelope><s:Body><u:GetExternalIPAddressResponse><NewExternalIPAddress>203.0.113.7"
                + "</NewExternalIPAddress></u:GetExternalIPAddressResponse></s:Body></s:Envelope>",
            "<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>718</errorCode></UPnPError>"
                + "</detail></s:Fault></s:Body></s:Envelope>",
        ].map { Array($0.utf8) },
        alphabet: "<>/&;'\"=!-? a[]"
    ) { bytes, _ in
        guard let answer = GatewayAnswer(decoding: bytes, to: .externalAddress) else {
            return false
        }
        try promise(answer.externalHost?.count ?? 4 == 4, "that is no IPv4 address")
        return true
    }

    private static let socks5 = proxy(
        "SOCKS5",
        .socks5,
        [
            [5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 0x1a, 0xe1, 9, 9],
            [5, 2, 1, 0, 5, 0, 0, 3, 1, 97, 0, 1],
            [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0],
        ]
    )

    private static let socks5Relay = Decoder(
        "SOCKS5 datagram",
        samples: [
            [0, 0, 0, 1, 1, 2, 3, 4, 0x1a, 0xe1, 9, 9],
            [0, 0, 0, 4] + [UInt8](repeating: 7, count: 18) + [9],
        ]
    ) { bytes, _ in
        var input = ByteBuffer(bytes: bytes)
        guard let source = SOCKS5Datagram.source(consuming: &input) else { return false }
        try promise(source.port != 0, "port 0")
        return true
    }

    private static let httpProxy = proxy(
        "HTTP proxy",
        .http,
        ["HTTP/1.1 200 OK\r\nVia: x\r\n\r\nrest", "HTTP/1.0 407 No\n\n"].map { Array($0.utf8) }
    )

    private static func proxy(
        _ name: String,
        _ language: ProxyProtocol,
        _ samples: [[UInt8]]
    ) -> Decoder {
        let destination = ProxyDestination(host: "peer.example", port: 6881)
        let credentials = ProxyCredentials(user: "u", password: "p")
        return Decoder(name, samples: samples) { bytes, _ in
            guard let destination else { return false }
            var handshake = ProxyHandshake(language, to: destination, credentials: credentials)
            var input = ByteBuffer(bytes: bytes)
            guard (try? handshake.received(&input)) != nil else { return false }
            return handshake.isComplete
        }
    }
}
