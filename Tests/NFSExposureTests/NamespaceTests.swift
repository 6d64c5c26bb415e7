import BitTorrentProtocol
import NFSExposure
import NFSProtocol
import NIOCore
import ONCRPC
import Testing
import VirtualTree

/// Handles, attributes, LOOKUP and ACCESS.
@Suite struct NamespaceTests {
    private func attributes(
        _ object: NFS3FileHandle,
        _ client: RPCClient
    ) throws -> NFS3FileAttributes {
        guard case .success(let attributes) = try client.attributes(object) else {
            throw ClientError(what: "GETATTR failed")
        }
        return attributes
    }

    @Test func s42_everyProcedureChecksItsHandle() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            var forged = movies.bytes
            forged[20] ^= 1
            let codec = try #require(FileHandleCodec(key: TestServer.key))
            var gone: NFS3FileHandle?
            let film = try client.lookup("film.mkv", in: movies)
            let decoded = try #require(codec.decode(film))
            server.tree.forget(decoded.id)
            gone = film
            let handles = [
                (try #require(NFS3FileHandle(forged)), NFS3Status.badHandle),
                (try #require(NFS3FileHandle([])), .badHandle),
                (try #require(NFS3FileHandle([1, 2, 3, 4])), .badHandle),
                (try #require(gone), .stale),
            ]
            for (handle, status) in handles {
                for (procedure, arguments) in AllCalls.arguments(for: handle) {
                    let reply = try client.request(procedure, Raw(arguments))
                    #expect(reply.reply == .success)
                    let found = reply.results.getInteger(
                        at: reply.results.readerIndex,
                        as: UInt32.self
                    )
                    #expect(found == status.rawValue, "procedure \(procedure)")
                }
            }
        }
    }

    @Test func s43_refusesAHandleOf65Bytes() async throws {
        try await withServer { server in
            let reply = try server.client().request(
                1,
                Raw([0, 0, 0, 65] + [UInt8](repeating: 1, count: 68))
            )
            #expect(reply.reply == .garbageArguments)
        }
    }

    @Test func s44_fileidIsTheSameEverywhere() async throws {
        try await withServer { server in
            let client = try server.client()
            let root = try client.mount("/torrents")
            guard case .success(let found) = try client.lookupResult(Array("movies".utf8), in: root)
            else { throw ClientError(what: "LOOKUP failed") }
            let own = try attributes(found.object, client)
            #expect(found.attributes == own)
            #expect(try attributes(root, client) == found.directoryAttributes, "s53")
            #expect(own.fileID == 101)
            let listing = try client.nfs(
                .readDirectory,
                READDIR3Arguments(directory: found.object, cookie: 0, verifier: 0, count: 4096),
                as: READDIR3Result.self
            )
            guard case .success(let listed) = listing else { throw ClientError(what: "READDIR") }
            #expect(listed.entries[0].name == Array(".".utf8))
            #expect(listed.entries[0].fileID == 101)
            #expect(listed.entries[1].name == Array("..".utf8))
            #expect(listed.entries[1].fileID == 1)
            for entry in listed.entries.dropFirst(2) {
                let name = String(decoding: entry.name, as: UTF8.self)
                let object = try client.lookup(name, in: found.object)
                #expect(try attributes(object, client).fileID == entry.fileID)
            }
        }
    }

    @Test func s47_s48_attributesAreInRangeAndPiecesDoNotMoveThem() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let stalled = try client.lookup("stalled.mkv", in: movies)
            let before = try attributes(stalled, client)
            #expect(before.mode == 0o444)
            #expect(before.linkCount == 1)
            #expect(before.uid == 0 && before.gid == 0)
            #expect(before.changeTime.nanoseconds < 1_000_000_000)
            #expect(before.fileSystemID != 0)
            #expect(try attributes(movies, client).linkCount >= 2)
            server.stalled.verify(upTo: 65536)
            #expect(try attributes(stalled, client) == before)
        }
    }

    @Test func s51_anExportHasItsOwnFileSystemAndHandles() async throws {
        let text = "/torrents *\n/torrents/movies *(all_squash,anonuid=7,anongid=8,fsid=99)"
        try await withServer(exports: text) { server in
            let client = try server.client()
            let root = try client.mount("/torrents")
            let viaRoot = try client.lookup("movies", in: root)
            let direct = try client.mount("/torrents/movies")
            #expect(viaRoot != direct)
            let first = try attributes(viaRoot, client)
            let second = try attributes(direct, client)
            #expect(first.fileSystemID != second.fileSystemID)
            #expect(second.fileSystemID == 99)
            #expect(second.uid == 7 && second.gid == 8)
            #expect(first.fileID == second.fileID)
        }
    }

    @Test func s52_looksUpDotsAndNeverLeavesTheExport() async throws {
        try await withServer(exports: "/torrents *\n/torrents/movies *") { server in
            let client = try server.client()
            let root = try client.mount("/torrents")
            let movies = try client.lookup("movies", in: root)
            #expect(try client.lookup(".", in: movies) == movies)
            #expect(try client.lookup("..", in: movies) == root)
            #expect(try client.lookup("..", in: root) == root)
            let exported = try client.mount("/torrents/movies")
            #expect(try client.lookup("..", in: exported) == exported)
        }
    }

    @Test(arguments: [
        (Array("".utf8), NFS3Status.invalidArgument),
        (Array("a/b".utf8), .invalidArgument),
        ([0x61, 0], .invalidArgument),
        ([UInt8](repeating: 0x61, count: 256), .nameTooLong),
        ([UInt8](repeating: 0x61, count: 255), .noEntry),
        (Array("._film.mkv".utf8), .noEntry),
        (Array(".DS_Store".utf8), .noEntry),
        ([0xff, 0xfe], .noEntry),
    ])
    func s52_s53_refusesNamesWithTheDirectorysAttributes(
        name: [UInt8],
        status: NFS3Status
    ) async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let result = try client.lookupResult(name, in: movies)
            let attributes = try attributes(movies, client)
            #expect(result == .failure(status, attributes))
        }
    }

    @Test func s52_looksNothingUpInAFile() async throws {
        try await withServer { server in
            let client = try server.client()
            let film = try client.lookup("film.mkv", in: try client.mount("/torrents/movies"))
            let result = try client.lookupResult(Array("x".utf8), in: film)
            let attributes = try attributes(film, client)
            #expect(result == .failure(.notDirectory, attributes))
        }
    }

    @Test func s54_findsComposedAndDecomposedNames() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let composed = try client.lookup("Am\u{e9}lie.mkv", in: movies)
            #expect(try client.lookup("Ame\u{301}lie.mkv", in: movies) == composed)
            for other in ["AM\u{c9}LIE.MKV", "Amelie.mkv", "am\u{e9}lie.mkv", "FILM.MKV"] {
                let result = try client.lookupResult(Array(other.utf8), in: movies)
                let directory = try attributes(movies, client)
                #expect(result == .failure(.noEntry, directory), "\(other)")
            }
        }
    }

    @Test func s57_accessGrantsReadingOnly() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let film = try client.lookup("film.mkv", in: movies)
            func granted(_ object: NFS3FileHandle, _ wanted: NFS3Access) throws -> NFS3Access? {
                let result = try client.nfs(
                    .access,
                    ACCESS3Arguments(object: object, access: wanted),
                    as: ACCESS3Result.self
                )
                guard case .success(let success) = result else { return nil }
                #expect(success.attributes != nil)
                return success.access
            }
            let everything = NFS3Access(rawValue: 0x3f)
            #expect(try granted(movies, everything) == [.read, .lookup])
            #expect(try granted(film, everything) == [.read])
            #expect(try granted(film, [.modify]) == [])
            #expect(try granted(movies, [.lookup]) == [.lookup])
        }
    }

    @Test func s57_s66_accessReadingAndLookingUpFollowTheModeOfTheExport() async throws {
        func user(_ id: UInt32, _ group: UInt32, _ groups: [UInt32] = []) -> Credential {
            .sys(AuthSys(machineName: "test", uid: id, gid: group, groups: groups))
        }
        let text = """
            /torrents/movies *(mode=0540,uid=1000,gid=50)
            /torrents/other *(mode=0540,uid=1000,gid=50,no_root_squash)
            """
        try await withServer(exports: text) { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            func outcomes(_ directory: NFS3FileHandle, _ caller: Credential) throws -> [NFS3Status]
            {
                let name = directory == movies ? "film.mkv" : "readme.txt"
                let what = NFS3DirectoryOperation(directory: directory, name: Array(name.utf8))
                let lookup = try client.request(
                    NFS3Procedure.lookup.rawValue,
                    LOOKUP3Arguments(what: what),
                    credential: caller
                ).decode(LOOKUP3Result.self)
                let list = try client.request(
                    NFS3Procedure.readDirectory.rawValue,
                    READDIR3Arguments(directory: directory, cookie: 0, verifier: 0, count: 4096),
                    credential: caller
                )
                let status = list.results.getInteger(
                    at: list.results.readerIndex,
                    as: UInt32.self
                )
                let listed = try #require(status.flatMap(NFS3Status.init(rawValue:)))
                guard case .success(let found) = lookup else { return [.accessDenied, listed] }
                let access = try client.request(
                    NFS3Procedure.access.rawValue,
                    ACCESS3Arguments(object: found.object, access: [.read, .execute]),
                    credential: caller
                ).decode(ACCESS3Result.self)
                guard case .success(let granted) = access else { return [] }
                let read = try ReadResult(
                    client.request(
                        NFS3Procedure.read.rawValue,
                        READ3Arguments(file: found.object, offset: 0, count: 1),
                        credential: caller
                    )
                )
                #expect(granted.access.contains(.read) == (read.status == .ok), "s57")
                return [.ok, listed, read.status]
            }
            // The owner, the group by either way, others, root that is squashed.
            #expect(try outcomes(movies, user(1000, 1)) == [.ok, .ok, .ok])
            #expect(try outcomes(movies, user(1, 50)) == [.ok, .ok, .ok])
            #expect(try outcomes(movies, user(1, 1, [7, 50])) == [.ok, .ok, .ok])
            #expect(try outcomes(movies, user(1, 1)) == [.accessDenied, .accessDenied])
            #expect(try outcomes(movies, user(0, 50)) == [.accessDenied, .accessDenied])
            let other = try client.mount("/torrents/other")
            #expect(try outcomes(other, user(0, 0)) == [.ok, .ok, .ok])
        }
        let squashed = "/torrents/movies *(mode=0400,all_squash,anonuid=7)"
        try await withServer(exports: squashed) { server in
            let client = try server.client()
            let film = try client.lookup("film.mkv", in: try client.mount("/torrents/movies"))
            #expect(try client.read(film, at: 0, count: 1).status == .ok)
        }
    }

    @Test func s54_aDirectoryIsGoneThroughOnceForNamesThatAreNotThere() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            func find(_ name: String) throws -> Bool {
                let result = try client.lookupResult(Array(name.utf8), in: movies)
                if case .success = result { return true }
                return false
            }
            let before = server.movies.listingCount
            for number in 0..<20 { #expect(try !find("fehlt-\u{e4}-\(number)")) }
            #expect(try find("Ame\u{301}lie.mkv"))
            #expect(server.movies.listingCount == before + 1)
            // What comes later is found, what has gone is not.
            let late = Array("Z\u{fc}rich.mkv".utf8)
            server.tree.addFile(late, index: 9, bytes: [], to: server.movies)
            #expect(try find("Zu\u{308}rich.mkv"))
            server.movies.remove(late)
            #expect(try !find("Zu\u{308}rich.mkv"))
            #expect(server.movies.listingCount == before + 3)
        }
    }

    @Test func s84_refusesTheLargestWriteAndKeepsTheConnection() async throws {
        try await withServer { server in
            let client = try server.client()
            let film = try client.lookup("film.mkv", in: try client.mount("/torrents/movies"))
            let info = try client.nfs(
                .fileSystemInfo,
                FSINFO3Arguments(root: film),
                as: FSINFO3Result.self
            )
            guard case .success(let info) = info else { throw ClientError(what: "FSINFO") }
            var write = ByteBuffer()
            write.writeXDR(
                WRITE3Header(
                    file: film,
                    offset: .max,
                    count: info.maximumWrite,
                    stability: .fileSync,
                    dataByteCount: info.maximumWrite
                )
            )
            write.writeRepeatingByte(1, count: Int(info.maximumWrite))
            let call = Raw(write.readableBytesView)
            let result = try client.nfs(.write, call, as: WRITE3Result.self)
            guard case .failure(.readOnly, _) = result else {
                throw ClientError(what: "\(result)")
            }
            _ = try client.attributes(film)
        }
    }

    @Test func s81_s82_s83_describesTheFileSystem() async throws {
        try await withServer { server in
            let client = try server.client()
            let film = try client.lookup("film.mkv", in: try client.mount("/torrents/movies"))
            let info = try client.nfs(
                .fileSystemInfo,
                FSINFO3Arguments(root: film),
                as: FSINFO3Result.self
            )
            guard case .success(let info) = info else { throw ClientError(what: "FSINFO") }
            #expect(info.maximumRead == 1 << 20 && info.preferredRead == 1 << 20)
            #expect((8192..<UInt32(NFSLimits().recordByteCount)).contains(info.maximumWrite))
            #expect(info.preferredWrite == info.maximumWrite)
            #expect(info.readMultiple == 4096 && info.writeMultiple == 4096)
            #expect(info.preferredReadDirectory == 65536)
            #expect(info.maximumFileSize == UInt64(Int64.max))
            #expect(info.timeGranularity == NFS3Time(seconds: 0, nanoseconds: 1))
            #expect(info.attributes == (try attributes(film, client)))
            #expect(info.properties == .homogeneous)
            let usage = try client.nfs(
                .fileSystemStatus,
                FSSTAT3Arguments(root: film),
                as: FSSTAT3Result.self
            )
            guard case .success(let usage) = usage else { throw ClientError(what: "FSSTAT") }
            #expect(usage.totalBytes == UInt64(Int64.max))
            #expect(usage.freeBytes == 0 && usage.availableBytes == 0)
            #expect(usage.totalFiles == 7 && usage.freeFiles == 0 && usage.availableFiles == 0)
            #expect(usage.invariantSeconds <= 1)
            let limits = try client.nfs(
                .pathConfiguration,
                PATHCONF3Arguments(object: film),
                as: PATHCONF3Result.self
            )
            guard case .success(let limits) = limits else { throw ClientError(what: "PATHCONF") }
            #expect(limits.maximumName == 255 && limits.refusesLongNames)
            #expect(!limits.isCaseInsensitive && limits.isCasePreserving)
            #expect(limits.maximumLinks == 1 && limits.restrictsOwnerChange)
        }
    }

    @Test func s84_refusesEveryChangeWithAttributes() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let before = try attributes(movies, client)
            let changing: Set<UInt32> = [2, 7, 8, 9, 10, 11, 12, 13, 14, 15]
            for (procedure, arguments) in AllCalls.arguments(for: movies)
            where changing.contains(procedure) {
                let reply = try client.request(procedure, Raw(arguments))
                #expect(
                    reply.results.getInteger(at: reply.results.readerIndex, as: UInt32.self)
                        == NFS3Status.readOnly.rawValue
                )
            }
            let result = try client.nfs(
                .remove,
                REMOVE3Arguments(object: NFS3DirectoryOperation(directory: movies, name: [0x61])),
                as: REMOVE3Result.self
            )
            guard case .failure(.readOnly, let change) = result else {
                throw ClientError(what: "\(result)")
            }
            #expect(change.after == before)
            #expect(change.before?.changeTime == before.changeTime)
        }
    }

    @Test func s85_commitsFilesOnly() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let film = try client.lookup("film.mkv", in: movies)
            let first = try client.nfs(
                .commit,
                COMMIT3Arguments(file: film, offset: 0, count: 0),
                as: COMMIT3Result.self
            )
            let second = try client.nfs(
                .commit,
                COMMIT3Arguments(file: film, offset: 5, count: 9),
                as: COMMIT3Result.self
            )
            #expect(first == second)
            guard case .success = first else { throw ClientError(what: "\(first)") }
            let third = try client.nfs(
                .commit,
                COMMIT3Arguments(file: movies, offset: 0, count: 0),
                as: COMMIT3Result.self
            )
            guard case .failure(.invalidArgument, _) = third else {
                throw ClientError(what: "\(third)")
            }
        }
    }
}
