import Foundation
import NFSExposure
import Testing

@testable import sluice

@Suite struct ClientTableTextTests {
    private static let report = ClientReport(
        address: "192.0.2.7",
        mounts: ["/torrents", "/torrents/films"],
        connectionCount: 1,
        reading: [
            .init(
                path: "films/a.mkv",
                offset: 13_107_200,
                size: 3_221_225_472,
                bytesPerSecond: 2_097_152,
                idleSeconds: 0.1
            ),
            .init(path: "b", offset: 5, size: 5, bytesPerSecond: 0, idleSeconds: 180),
        ],
        waiting: [
            .init(
                path: "films/a.mkv",
                offset: 1536,
                readCount: 2,
                seconds: 6.2,
                reason: "no_peers",
                because: "no peer is connected"
            )
        ]
    )

    @Test func peopleReadALineForEachFile() {
        #expect(
            ClientTableText.lines([Self.report, ClientReport(address: "2001:db8::1")]) == [
                "192.0.2.7  /torrents, /torrents/films  1 connection",
                "  reads  films/a.mkv  at 12.5 MiB of 3.0 GiB  2.0 MiB/s",
                "  reads  b  at 5 B of 5 B  quiet for 3 min",
                "  waits  films/a.mkv  at 1.5 KiB  2 READs, 6 s: no peer is connected",
                "2001:db8::1  no mount known  not connected",
            ]
        )
        #expect(ClientTableText.lines([]).count == 1)
        #expect(ClientTableText.size(.max) == "17179869183.9 GiB")
    }

    @Test(arguments: 0...2) func programsReadAnArray(count: Int) throws {
        let lines = try Clients.jsonLines(Array(repeating: Self.report, count: count))
        let value = try JSONSerialization.jsonObject(with: Data(lines.joined().utf8))
        let clients = try #require(value as? [[String: Any]])
        #expect(clients.count == count)
        for client in clients {
            #expect(client["connection_count"] as? Int == 1)
            let waiting = try #require(client["waiting"] as? [[String: Any]])
            #expect(waiting.first?["reason"] as? String == "no_peers")
        }
    }
}
