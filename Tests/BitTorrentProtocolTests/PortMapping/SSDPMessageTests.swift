import TestSupport
import Testing

@testable import BitTorrentProtocol

@Suite struct SSDPMessageTests {
    static let answer =
        [
            "HTTP/1.1 200 OK", "CACHE-CONTROL: max-age=120",
            "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1",
            "USN: uuid:fc4ec57e::urn:schemas-upnp-org:device:InternetGatewayDevice:1", "EXT:",
            "SERVER: Debian UPnP/1.1", "LOCATION: http://192.168.1.1:5000/rootDesc.xml",
        ].joined(separator: "\r\n") + "\r\n\r\n"

    @Test func asksAsTheStandardSays() {
        let text = String(decoding: SSDPSearch.encode(target: SSDPSearch.targets[0]), as: UTF8.self)
        #expect(
            text
                == "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"
                + "MX: 2\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n"
        )
    }

    @Test func readsWhereTheDescriptionIs() throws {
        let response = try #require(SSDPResponse(decoding: Array(Self.answer.utf8)))
        #expect(response.location.description == "http://192.168.1.1:5000/rootDesc.xml")
        let bare = "HTTP/1.1 200 OK\nst:\t\(SSDPSearch.targets[1])\nlocation:http://10.0.0.1/d\n\n"
        #expect(
            SSDPResponse(decoding: Array(bare.utf8))?.location.description
                == "http://10.0.0.1:80/d"
        )
    }

    @Test(arguments: [
        "", "HTTP/1.1 404 Not Found\r\nLOCATION: http://1.2.3.4/\r\nST: TARGET\r\n",
        "NOTIFY * HTTP/1.1\r\nLOCATION: http://1.2.3.4/\r\nST: TARGET\r\n",
        "HTTP/1.1 200 OK\r\nST: TARGET\r\n", "HTTP/1.1 200 OK\r\nLOCATION: http://1.2.3.4/\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: http://1.2.3.4/\r\nST: upnp:rootdevice\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: https://1.2.3.4/\r\nST: TARGET\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: http://gateway.example/\r\nST: TARGET\r\n",
    ])
    func refusesWhatIsNoGateway(text: String) {
        let whole = text.split(separator: "TARGET", omittingEmptySubsequences: false)
            .joined(separator: SSDPSearch.targets[0])
        #expect(SSDPResponse(decoding: Array(whole.utf8)) == nil)
    }

    @Test func refusesALongAnswer() {
        let padding = [UInt8](repeating: 10, count: 2048)
        #expect(SSDPResponse(decoding: Array(Self.answer.utf8) + padding) == nil)
    }

    @Test func readsEveryTruncationOrRefusesIt() {
        for count in 0..<Self.answer.utf8.count {
            let response = SSDPResponse(decoding: Array(Self.answer.utf8.prefix(count)))
            #expect(response == nil || response?.location.address.hostText == "192.168.1.1")
        }
    }
}

@Suite struct GatewayURLTests {
    @Test func staysAtItsHost() throws {
        let page = try #require(GatewayURL("http://192.168.1.1:5000/a/desc.xml?x=/y"))
        #expect(page.resolving("/ctl")?.description == "http://192.168.1.1:5000/ctl")
        #expect(page.resolving("ctl")?.description == "http://192.168.1.1:5000/a/ctl")
        #expect(
            page.resolving("http://192.168.1.1:80/ctl")?.description == "http://192.168.1.1:80/ctl"
        )
        #expect(page.resolving("http://192.168.1.2:5000/ctl") == nil)
        #expect(page.resolving("http://127.0.0.1/ctl") == nil)
        #expect(page.resolving("//other/ctl") == nil)
        #expect(page.resolving("ftp://192.168.1.1/ctl") == nil)
        #expect(page.resolving("") == nil)
    }

    @Test(arguments: [
        "", "http://", "https://1.2.3.4/", "http://a/", "http://1.2.3.4:0/", "http://1.2.3.4:x/",
        "http://1.2.3.4:70000/", "http://1.2.3.4:+80/", "http://1.2.3.4:80:80/",
        "http://u@1.2.3.4/", "http://[::1]/", "http://1.2.3.4/a b", "http://1.2.3.4/a#b",
        "http://1.2.3.4/\r\nX: y", "http://1.2.3.4?x",
    ])
    func refuses(text: String) {
        #expect(GatewayURL(text) == nil)
    }
}
