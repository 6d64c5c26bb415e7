import NFSExposure
import NFSProtocol
import NIOCore
import ONCRPC
import Testing

@Suite struct ListingTests {
    /// Lists all of a directory, page by page.
    private func names(
        _ directory: NFS3FileHandle,
        _ client: RPCClient,
        count: UInt32,
        betweenPages: (Int) -> Void = { _ in }
    ) throws -> [String] {
        var names: [String] = []
        var cookie: UInt64 = 0
        var pages = 0
        while true {
            let reply = try client.request(
                NFS3Procedure.readDirectory.rawValue,
                READDIR3Arguments(
                    directory: directory,
                    cookie: cookie,
                    verifier: UInt64(pages),
                    count: count
                )
            )
            #expect(reply.results.readableBytes <= Int(count) + 4)
            guard case .success(let page) = try reply.decode(READDIR3Result.self) else {
                throw ClientError(what: "READDIR failed")
            }
            #expect(page.verifier == 0, "s74")
            #expect(!page.entries.isEmpty || page.isEndOfDirectory, "s76")
            for entry in page.entries {
                #expect(entry.cookie > cookie && entry.cookie < 1 << 31, "s72")
                cookie = entry.cookie
                names.append(String(decoding: entry.name, as: UTF8.self))
            }
            if page.isEndOfDirectory { return names }
            betweenPages(pages)
            pages += 1
        }
    }

    private func namesPlus(
        _ directory: NFS3FileHandle,
        _ client: RPCClient,
        directoryCount: UInt32,
        maximumCount: UInt32
    ) throws -> [String] {
        var names: [String] = []
        var cookie: UInt64 = 0
        while true {
            let reply = try client.request(
                NFS3Procedure.readDirectoryPlus.rawValue,
                READDIRPLUS3Arguments(
                    directory: directory,
                    cookie: cookie,
                    verifier: 0,
                    directoryCount: directoryCount,
                    maximumCount: maximumCount
                )
            )
            #expect(reply.results.readableBytes <= Int(maximumCount) + 4)
            guard case .success(let page) = try reply.decode(READDIRPLUS3Result.self) else {
                throw ClientError(what: "READDIRPLUS failed")
            }
            #expect(!page.entries.isEmpty || page.isEndOfDirectory)
            for entry in page.entries {
                #expect(entry.cookie > cookie)
                cookie = entry.cookie
                names.append(String(decoding: entry.name, as: UTF8.self))
                #expect(entry.attributes?.fileID == entry.fileID)
                #expect(entry.handle?.count == 52, "s78")
            }
            if page.isEndOfDirectory { return names }
        }
    }

    private func fill(_ directory: FakeDirectory, of tree: FakeTree, count: Int) -> [String] {
        (0..<count).map { index in
            let name = "file \(index)" + String(repeating: "x", count: index % 37)
            tree.addFile(Array(name.utf8), index: UInt32(index) + 50, bytes: [1], to: directory)
            return name
        }
    }

    @Test(arguments: [256, 512, 4096, 8192, 32768, 1 << 20] as [UInt32])
    func s72_s77_listsEverythingOnceAtAnySize(count: UInt32) async throws {
        let tree = FakeTree()
        let many = tree.addDirectory("many", route: 9)
        let names = fill(many, of: tree, count: 1000)
        try await withServer(tree: tree) { server in
            let client = try server.client()
            let handle = try client.mount("/torrents/many")
            #expect(try self.names(handle, client, count: count) == [".", ".."] + names)
            let plus = try namesPlus(
                handle,
                client,
                directoryCount: count,
                maximumCount: max(count, 512)
            )
            #expect(plus == [".", ".."] + names)
        }
    }

    @Test func s73_cookiesBelongToEntries() async throws {
        let tree = FakeTree()
        let many = tree.addDirectory("many", route: 9)
        let names = fill(many, of: tree, count: 200)
        try await withServer(tree: tree) { server in
            let client = try server.client()
            let handle = try client.mount("/torrents/many")
            let listed = try self.names(handle, client, count: 1024) { page in
                // What was listed goes, what is to come stays where it is.
                if page < 3 { many.remove(Array(names[page].utf8)) }
                if page == 3 {
                    tree.addFile(Array("new".utf8), index: 900, bytes: [], to: many)
                }
            }
            #expect(listed == [".", ".."] + names + ["new"])
        }
    }

    @Test func s75_theCookieOfAnEntryThatHasGoneLeadsToTheNext() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            func list(after cookie: UInt64) throws -> [READDIR3Entry] {
                let result = try client.nfs(
                    .readDirectory,
                    READDIR3Arguments(directory: movies, cookie: cookie, verifier: 0, count: 4096),
                    as: READDIR3Result.self
                )
                guard case .success(let page) = result else { throw ClientError(what: "READDIR") }
                return page.entries
            }
            let all = try list(after: 0)
            for (place, entry) in all.enumerated().dropFirst(2) {
                server.movies.remove(entry.name)
                let rest = try list(after: entry.cookie)
                #expect(rest.map(\.name) == all[(place + 1)...].map(\.name))
            }
        }
    }

    @Test func s75_refusesOnlyImpossibleCookies() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            func list(_ cookie: UInt64) throws -> READDIR3Result {
                try client.nfs(
                    .readDirectory,
                    READDIR3Arguments(
                        directory: movies,
                        cookie: cookie,
                        verifier: 5,
                        count: 4096
                    ),
                    as: READDIR3Result.self
                )
            }
            guard case .success(let past) = try list(1000) else {
                throw ClientError(what: "a cookie past the end is served")
            }
            #expect(past.entries.isEmpty && past.isEndOfDirectory)
            guard case .failure(.badCookie, _) = try list(1 << 31) else {
                throw ClientError(what: "an impossible cookie is refused")
            }
        }
    }

    @Test func s77_tellsWhatIsTooSmall() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            for count: UInt32 in 0...512 {
                let reply = try client.request(
                    NFS3Procedure.readDirectory.rawValue,
                    READDIR3Arguments(directory: movies, cookie: 2, verifier: 0, count: count)
                )
                switch try reply.decode(READDIR3Result.self) {
                case .failure(let status, _):
                    #expect(status == .tooSmall)
                    #expect(count < 136)
                case .success(let page):
                    #expect(count >= 136)
                    #expect(!page.entries.isEmpty)
                    #expect(reply.results.readableBytes <= Int(count) + 4)
                }
            }
        }
    }

    @Test func s80_listsNoFiles() async throws {
        try await withServer { server in
            let client = try server.client()
            let film = try client.lookup("film.mkv", in: try client.mount("/torrents/movies"))
            let result = try client.nfs(
                .readDirectory,
                READDIR3Arguments(directory: film, cookie: 0, verifier: 0, count: 4096),
                as: READDIR3Result.self
            )
            guard case .failure(.notDirectory, _) = result else {
                throw ClientError(what: "\(result)")
            }
            let plus = try client.nfs(
                .readDirectoryPlus,
                READDIRPLUS3Arguments(
                    directory: film,
                    cookie: 0,
                    verifier: 0,
                    directoryCount: 4096,
                    maximumCount: 4096
                ),
                as: READDIRPLUS3Result.self
            )
            guard case .failure(.notDirectory, _) = plus else {
                throw ClientError(what: "\(plus)")
            }
        }
    }

    @Test func s52_parentOfAnExportIsItself() async throws {
        try await withServer(exports: "/torrents/movies *") { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let result = try client.nfs(
                .readDirectory,
                READDIR3Arguments(directory: movies, cookie: 0, verifier: 0, count: 4096),
                as: READDIR3Result.self
            )
            guard case .success(let page) = result else { throw ClientError(what: "\(result)") }
            #expect(page.entries[1].fileID == page.entries[0].fileID)
        }
    }
}
