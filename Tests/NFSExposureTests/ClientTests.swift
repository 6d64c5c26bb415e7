import NFSExposure
import NFSProtocol
import Testing

@Suite struct ClientTests {
    @Test func tellsWhoReadsWhatAndWaitsForWhat() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let film = try client.lookup("film.mkv", in: movies)
            let stalled = try client.lookup("stalled.mkv", in: movies)
            for offset in [UInt64(4096), 8192] {
                try client.start(
                    .read,
                    READ3Arguments(file: stalled, offset: offset, count: 100)
                )
            }
            #expect(await eventually { server.stalled.waitCount == 2 })
            var reports: [ClientReport] = []
            // The rate is that of some seconds, which a busy machine may take from READ to report.
            repeat {
                _ = try client.read(film, at: 1000, count: 5000)
                reports = await server.server.clients()
            } while reports.first?.reading.first?.bytesPerSecond == 0
            var report = try #require(reports.first)
            #expect(reports.count == 1 && report.address == "127.0.0.1")
            #expect(report.mounts == ["/torrents/movies"] && report.connectionCount == 1)
            #expect(report.reading.map(\.path) == ["movies/film.mkv"])
            #expect(report.reading.first?.offset == 6000)
            #expect(report.waiting.map(\.path) == ["movies/stalled.mkv"])
            #expect(report.waiting.first?.readCount == 2 && report.waiting.first?.offset == 4096)
            #expect(report.waiting.first?.reason == "no_peers")

            client.close()
            #expect(await eventually { server.stalled.waitCount == 0 })
            reports = await server.server.clients()
            report = try #require(reports.first)
            #expect(report.mounts == ["/torrents/movies"] && report.connectionCount == 0)
            #expect(report.reading.isEmpty && report.waiting.isEmpty)
        }
    }

    @Test func whoUnmountsEverythingReadsNoMore() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            _ = try client.mount("/torrents/other")
            _ = try client.read(client.lookup("film.mkv", in: movies), at: 0, count: 10)
            for (path, departures) in [("/torrents/other", 0), ("/torrents/movies", 1)] {
                _ = try client.request(
                    program: ProgramNumber.mount,
                    MountProcedure.unmount.rawValue,
                    MountPath(path: Array(path.utf8))
                )
                _ = try client.attributes(movies)
                #expect(await eventually { server.film.departures.count == departures })
            }
        }
    }

    @Test func whenTheLastConnectionOfAClientClosesItsFilesHearIt() async throws {
        var limits = NFSLimits()
        limits.absence = .zero
        try await withServer(limits: limits) { server in
            let first = try server.client()
            let second = try server.client()
            let movies = try first.mount("/torrents/movies")
            let film = try first.lookup("film.mkv", in: movies)
            _ = try first.read(film, at: 0, count: 10)
            _ = try second.read(film, at: 0, count: 10)
            first.close()
            _ = try second.read(film, at: 0, count: 10)
            #expect(server.film.departures.isEmpty)
            second.close()
            #expect(await eventually { server.film.departures.count == 1 })
            #expect(server.stalled.departures.isEmpty)
        }
    }
}
