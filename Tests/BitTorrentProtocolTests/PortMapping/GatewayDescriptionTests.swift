import TestSupport
import Testing

@testable import BitTorrentProtocol

@Suite struct XMLScannerTests {
    private func events(_ text: String) throws -> [XMLScanner.Event] {
        var scanner = try XMLScanner(Array(text.utf8))
        var events: [XMLScanner.Event] = []
        while let event = try scanner.next() { events.append(event) }
        return events
    }

    @Test func readsElementsAndText() throws {
        let text = """
            \u{feff}<?xml version="1.0"?>
            <!-- a < b -->
            <s:a x='1' y = "&gt;"> one &lt;&amp;&#65;&#x42; <b/><![CDATA[<raw>&]]></s:a >
            """
        #expect(
            try events(text) == [
                .open("a"), .text(" one <&AB "), .open("b"), .close("b"), .text("<raw>&"),
                .close("a"),
            ]
        )
    }

    @Test(arguments: [
        "", " ", "text", "<a>", "</a>", "<a></b>", "<a><b></a></b>", "<a/><b/>", "<a/>text", "<a",
        "<a x>", "<a x=1/>", "<a x='<'/>", "<a>&</a>", "<a>&#0;</a>", "<a>&#xd800;</a>", "< a/>",
        "<a><![CDATA[</a>", "<!-- <a/>", "<![CDATA[x]]><a/>", "<a / >",
    ])
    func refusesWhatIsMalformed(text: String) {
        #expect(throws: XMLError.malformed) { try events(text) }
    }

    /// An entity that stands for ten others, and so on, would fill the memory.
    @Test(arguments: [
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a>&b;</a>", "<a><!ELEMENT b></a>",
    ])
    func knowsNoTypesAndEntitiesOfADocument(text: String) {
        #expect(throws: XMLError.unsupported) { try events(text) }
    }

    @Test func isBounded() {
        let deep = String(repeating: "<a>", count: 33)
        #expect(throws: XMLError.tooDeep) { try events(deep) }
        let many = "<a>" + String(repeating: "<b/>", count: 4000) + "</a>"
        #expect(throws: XMLError.tooManyElements) { try events(many) }
        #expect(throws: XMLError.tooLong) {
            try events(String(repeating: " ", count: XMLScanner.maximumByteCount + 1))
        }
    }
}

@Suite struct GatewayDescriptionTests {
    static let page = """
        <?xml version="1.0"?>
        <root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major></specVersion>
        <device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType>
        <serviceList><service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType>
        <controlURL>/ctl/L3F</controlURL></service></serviceList>
        <deviceList><device><deviceList><device><serviceList>
        <service><serviceType>urn:schemas-upnp-org:service:WANPPPConnection:1</serviceType>
        <controlURL>/ctl/PPP</controlURL></service>
        <service><serviceType> urn:schemas-upnp-org:service:WANIPConnection:2 </serviceType>
        <controlURL>ctl/IPConn</controlURL><eventSubURL>/evt</eventSubURL></service>
        </serviceList></device></deviceList></device></deviceList></device></root>
        """

    private func url() throws -> GatewayURL {
        try #require(GatewayURL("http://192.168.1.1:5000/rootDesc.xml"))
    }

    private func described(_ page: String) throws -> GatewayDescription? {
        GatewayDescription(decoding: Array(page.utf8), from: try url())
    }

    @Test func findsTheServicesThatMapPortsTheBestFirst() throws {
        let services = try #require(try described(Self.page)).services
        #expect(services.map(\.kind) == [.ip2, .ppp1])
        #expect(
            services.map(\.controlURL.description)
                == ["http://192.168.1.1:5000/ctl/IPConn", "http://192.168.1.1:5000/ctl/PPP"]
        )
    }

    @Test func callsNobodyElse() throws {
        func page(base: String, control: String) -> String {
            "<root><URLBase>\(base)</URLBase><device><service><serviceType>"
                + GatewayService.ip1.rawValue
                + "</serviceType><controlURL>\(control)</controlURL></service></device></root>"
        }
        #expect(
            try described(page(base: "http://192.168.1.1:80/x/", control: "c"))?
                .services.first?.controlURL.description == "http://192.168.1.1:80/x/c"
        )
        #expect(
            try described(page(base: "http://8.8.8.8/", control: "/c"))?
                .services.first?.controlURL.description == "http://192.168.1.1:5000/c"
        )
        #expect(try described(page(base: "", control: "http://8.8.8.8/c")) == nil)
    }

    @Test func refusesEveryTruncation() throws {
        let bytes = Array(Self.page.utf8)
        for count in 0..<bytes.count {
            #expect(
                GatewayDescription(decoding: Array(bytes.prefix(count)), from: try url()) == nil
            )
        }
        #expect(try described("<root><device/></root>") == nil)
    }
}

@Suite struct GatewayActionTests {
    static let mapping = GatewayAction.Mapping(
        transport: .tcp,
        externalPort: 6882,
        internalPort: 6881,
        internalHost: "10.0.0.2",
        lifetime: 3600
    )

    static func answer(_ action: String, _ values: String) -> [UInt8] {
        let element = "u:\(action)Response"
        let body = "<s:Body><\(element) xmlns:u=\"x\">\(values)</\(element)></s:Body>"
        let text = "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"e\">\(body)</s:Envelope>"
        return Array(text.utf8)
    }

    static func fault(_ code: String) -> [UInt8] {
        let error = "<errorCode>\(code)</errorCode><errorDescription>no</errorDescription>"
        let detail = "<detail><UPnPError>\(error)</UPnPError></detail>"
        let fault = "<s:Fault><faultcode>s:Client</faultcode>\(detail)</s:Fault>"
        return Array("<s:Envelope><s:Body>\(fault)</s:Body></s:Envelope>".utf8)
    }

    @Test func namesEveryArgumentInTheOrderOfTheStandard() {
        let body = String(decoding: GatewayAction.add(Self.mapping).body(for: .ip1), as: UTF8.self)
        let expected = [
            "<u:AddPortMapping xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\">",
            "<NewRemoteHost></NewRemoteHost>", "<NewExternalPort>6882</NewExternalPort>",
            "<NewProtocol>TCP</NewProtocol>", "<NewInternalPort>6881</NewInternalPort>",
            "<NewInternalClient>10.0.0.2</NewInternalClient>", "<NewEnabled>1</NewEnabled>",
            "<NewPortMappingDescription>Sluice</NewPortMappingDescription>",
            "<NewLeaseDuration>3600</NewLeaseDuration></u:AddPortMapping>",
        ].joined()
        #expect(body.contains(expected))
        #expect(
            GatewayAction.delete(.udp, externalPort: 1).header(for: .ppp1)
                == "\"urn:schemas-upnp-org:service:WANPPPConnection:1#DeletePortMapping\""
        )
        // What is written can be read.
        for action in [
            GatewayAction.externalAddress, .add(Self.mapping), .addAny(Self.mapping),
            .delete(.udp, externalPort: 7),
        ] {
            #expect(GatewayAnswer(decoding: action.body(for: .ip2), to: action) == nil)
            #expect(throws: Never.self) {
                var scanner = try XMLScanner(action.body(for: .ip2))
                while try scanner.next() != nil {}
            }
        }
    }

    @Test func readsAnswers() throws {
        let action = GatewayAction.externalAddress
        let values = "<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>"
        let answer = GatewayAnswer(decoding: Self.answer(action.name, values), to: action)
        #expect(answer?.externalHost == [203, 0, 113, 7])
        let any = GatewayAction.addAny(Self.mapping)
        let reserved = "<NewReservedPort>7001</NewReservedPort>"
        #expect(
            GatewayAnswer(decoding: Self.answer(any.name, reserved), to: any)?.reservedPort == 7001
        )
        let add = GatewayAction.add(Self.mapping)
        #expect(GatewayAnswer(decoding: Self.answer(add.name, ""), to: add) == .success([:]))
        #expect(GatewayAnswer(decoding: Self.fault(" 718\n"), to: add) == .fault(code: 718))
    }

    @Test func takesNoAnswerToSomethingElse() {
        let add = GatewayAction.add(Self.mapping)
        #expect(GatewayAnswer(decoding: Self.answer("GetStatusInfo", ""), to: add) == nil)
        #expect(GatewayAnswer(decoding: Array("<html/>".utf8), to: add) == nil)
        #expect(GatewayAnswer(decoding: Self.fault("x"), to: add) == nil)
        for text in ["", "0.0.0.0", "::1", "host", "1.2.3"] {
            #expect(GatewayAnswer.success(["NewExternalIPAddress": text]).externalHost == nil)
        }
        for text in ["", "0", "70000", "-1", "x"] {
            #expect(GatewayAnswer.success(["NewReservedPort": text]).reservedPort == nil)
        }
    }

    @Test func refusesEveryTruncation() {
        let add = GatewayAction.add(Self.mapping)
        for bytes in [Self.answer(add.name, "<a>1</a>"), Self.fault("718")] {
            for count in 0..<bytes.count {
                #expect(GatewayAnswer(decoding: Array(bytes.prefix(count)), to: add) == nil)
            }
        }
    }
}
