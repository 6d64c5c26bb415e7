import TestSupport
import Testing

@testable import BitTorrentProtocol

@Suite struct PCPMessageTests {
    static let nonce: [UInt8] = Array(1...12)

    /// An answer of a gateway to a request for TCP port 6881.
    static func response(
        code: UInt8 = 0,
        version: UInt8 = 2,
        externalHost: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7]
    ) -> [UInt8] {
        [version, 0x81, 0, code, 0, 0, 0x1c, 0x20, 0, 0, 0, 9] + [UInt8](repeating: 0, count: 12)
            + nonce + [6, 0, 0, 0, 0x1a, 0xe1, 0x1a, 0xe2] + externalHost
    }

    @Test func laysOutARequest() {
        let bytes = PCPMapRequest(
            nonce: Self.nonce,
            transport: .udp,
            clientHost: [10, 0, 0, 2],
            internalPort: 6881,
            suggestedPort: 7000,
            lifetime: 7200
        ).encode()
        #expect(bytes.count == 60)
        #expect(bytes[0..<8].elementsEqual([2, 1, 0, 0, 0, 0, 0x1c, 0x20]))
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        #expect(bytes[8..<24].elementsEqual(mapped + [10, 0, 0, 2]))
        #expect(bytes[24..<36].elementsEqual(Self.nonce))
        #expect(bytes[36..<44].elementsEqual([17, 0, 0, 0, 0x1a, 0xe1, 0x1b, 0x58]))
        #expect(bytes[44..<60].elementsEqual(mapped + [0, 0, 0, 0]))
    }

    @Test func asksAnIPv6FirewallForAnyAddress() {
        let host: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 1, count: 12)
        let bytes = PCPMapRequest(
            nonce: Self.nonce,
            transport: .tcp,
            clientHost: host,
            internalPort: 1,
            suggestedPort: 1,
            lifetime: 0
        ).encode()
        #expect(bytes[8..<24].elementsEqual(host))
        #expect(bytes[44..<60].allSatisfy { $0 == 0 })
    }

    @Test func readsAnAnswer() throws {
        let response = try #require(PCPMapResponse(decoding: Self.response()))
        #expect(response.result == .success)
        #expect(response.lifetime == 7200)
        #expect(response.epoch == 9)
        #expect(response.nonce == Self.nonce)
        #expect(response.transport == .tcp)
        #expect(response.internalPort == 6881)
        #expect(response.externalPort == 6882)
        #expect(response.externalHost == [203, 0, 113, 7])
        let ipv6 = [UInt8](repeating: 2, count: 16)
        #expect(PCPMapResponse(decoding: Self.response(externalHost: ipv6))?.externalHost == ipv6)
    }

    @Test func readsRefusals() {
        #expect(PCPMapResponse(decoding: Self.response(code: 2))?.result == .refused(2))
        let old = PCPMapResponse(decoding: Self.response(code: 1, version: 1))
        #expect(old?.result == .unsupportedVersion)
        for code in UInt8.min...12 { #expect(!PCPMapResponse.reason(of: code).isEmpty) }
    }

    @Test func refusesWhatIsNone() {
        let good = Self.response()
        for count in 0..<60 { #expect(PCPMapResponse(decoding: Array(good.prefix(count))) == nil) }
        #expect(PCPMapResponse(decoding: good + [0]) == nil)
        #expect(PCPMapResponse(decoding: good + [UInt8](repeating: 0, count: 1044)) == nil)
        #expect(PCPMapResponse(decoding: Self.response(version: 1)) == nil)
        var request = good
        request[1] = 1
        #expect(PCPMapResponse(decoding: request) == nil)
        var other = good
        other[36] = 132
        #expect(PCPMapResponse(decoding: other) == nil)
    }
}

@Suite struct NATPMPMessageTests {
    static let mapped: [UInt8] = [
        0, 130, 0, 0, 0, 0, 0, 9, 0x1a, 0xe1, 0x1a, 0xe2, 0, 0, 0x1c, 0x20,
    ]

    @Test func laysOutRequests() {
        #expect(NATPMPRequest.externalAddress.encode() == [0, 0])
        #expect(
            NATPMPRequest.map(.tcp, internalPort: 6881, suggestedPort: 6882, lifetime: 7200)
                .encode() == [0, 2, 0, 0, 0x1a, 0xe1, 0x1a, 0xe2, 0, 0, 0x1c, 0x20]
        )
        #expect(
            NATPMPRequest.map(.udp, internalPort: 1, suggestedPort: 0, lifetime: 0).encode()[1] == 1
        )
    }

    @Test func readsAnswers() {
        #expect(
            NATPMPResponse(decoding: Self.mapped)?.body
                == .mapped(.tcp, internalPort: 6881, externalPort: 6882, lifetime: 7200)
        )
        #expect(NATPMPResponse(decoding: Self.mapped)?.epoch == 9)
        #expect(
            NATPMPResponse(decoding: [0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7])?.body
                == .externalAddress([203, 0, 113, 7])
        )
        // To a packet of PCP.
        #expect(
            NATPMPResponse(decoding: [0, 129, 0, 1, 0, 0, 0, 9])?.body == .refused(code: 1)
        )
        for code in UInt16.min...6 { #expect(!NATPMPResponse.reason(of: code).isEmpty) }
    }

    @Test func refusesWhatIsNone() {
        for count in 0..<16 {
            #expect(NATPMPResponse(decoding: Array(Self.mapped.prefix(count))) == nil)
        }
        #expect(NATPMPResponse(decoding: Self.mapped + [0]) == nil)
        #expect(NATPMPResponse(decoding: [1] + Self.mapped.dropFirst()) == nil)
        #expect(NATPMPResponse(decoding: [0, 2] + Self.mapped.dropFirst(2)) == nil)
        #expect(NATPMPResponse(decoding: [0, 128, 0, 0, 0, 0, 0, 9, 203, 0, 113, 7, 1]) == nil)
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 21)
        let samples = [Self.mapped, PCPMessageTests.response()]
        for round in 0..<50_000 {
            let bytes = mutator.mutate(samples[round % 2])
            _ = NATPMPResponse(decoding: bytes)
            _ = PCPMapResponse(decoding: bytes)
        }
    }
}
