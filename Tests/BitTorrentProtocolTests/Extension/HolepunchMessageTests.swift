import TestSupport
import Testing

@testable import BitTorrentProtocol

@Suite struct HolepunchMessageTests {
    static let messages = ["1.2.3.4:5", "[2001:db8::1]:11"].compactMap { PeerAddress($0) }.flatMap {
        address in
        let failures: [HolepunchMessage.Failure] = [
            .noSuchPeer, .notConnected, .noSupport, .noSelf, .unknown(0), .unknown(.max),
        ]
        return [.rendezvous(address), .connect(address)]
            + failures.map { HolepunchMessage.error($0, address) }
    }

    @Test func hasTheBytesOfTheStandard() throws {
        let address = try #require(PeerAddress("1.2.3.4:258"))
        #expect(
            HolepunchMessage.error(.noSupport, address).encode()
                == [2, 0, 1, 2, 3, 4, 1, 2, 0, 0, 0, 3]
        )
        let other = try #require(PeerAddress("[2001:db8::1]:258"))
        let host: [UInt8] = [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
        #expect(HolepunchMessage.connect(other).encode() == [1, 1] + host + [1, 2, 0, 0, 0, 0])
    }

    @Test(arguments: messages) func readsWhatItWrites(_ message: HolepunchMessage) throws {
        #expect(try HolepunchMessage(decoding: message.encode()) == message)
        #expect(try HolepunchMessage(decoding: message.encode() + [1, 2, 3]) == message)
    }

    @Test(arguments: messages) func refusesEveryTruncation(_ message: HolepunchMessage) throws {
        let payload = message.encode()
        for count in payload.indices {
            let part = Array(payload.prefix(count))
            // The code of what is no error may be left out.
            if count >= payload.count - 4, payload[0] != 2 {
                #expect(try HolepunchMessage(decoding: part) == message)
            } else {
                #expect(throws: ExtensionError.self) { try HolepunchMessage(decoding: part) }
            }
        }
    }

    @Test func refusesOtherKindsAndNoPort() {
        for payload: [UInt8] in [
            [3, 0, 1, 2, 3, 4, 0, 9, 0, 0, 0, 0], [0, 2, 1, 2, 3, 4, 0, 9, 0, 0, 0, 0],
            [0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0], [0, 1, 1, 2, 3, 4, 0, 9, 0, 0, 0, 0],
        ] {
            #expect(throws: ExtensionError.self) { try HolepunchMessage(decoding: payload) }
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 55)
        for round in 0..<100_000 {
            let valid = Self.messages[round % Self.messages.count].encode()
            let bytes = mutator.mutate(valid)
            guard let message = try? HolepunchMessage(decoding: bytes) else { continue }
            if (try? HolepunchMessage(decoding: message.encode())) != message {
                Issue.record("\(bytes)")
                return
            }
        }
    }
}
