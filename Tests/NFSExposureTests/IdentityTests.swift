import NFSExposure
import NFSProtocol
import NIOCore
import ONCRPC
import Testing

/// What holds for every object and every call, whatever else there is.
@Suite struct IdentityTests {
    private func attributes(
        _ object: NFS3FileHandle,
        _ client: RPCClient
    ) throws -> NFS3FileAttributes {
        guard case .success(let attributes) = try client.attributes(object) else {
            throw ClientError(what: "GETATTR failed")
        }
        return attributes
    }

    private func listing(
        _ directory: NFS3FileHandle,
        _ client: RPCClient
    ) throws -> [READDIRPLUS3Entry] {
        let result = try client.nfs(
            .readDirectoryPlus,
            READDIRPLUS3Arguments(
                directory: directory,
                cookie: 0,
                verifier: 0,
                directoryCount: 8192,
                maximumCount: 32768
            ),
            as: READDIRPLUS3Result.self
        )
        guard case .success(let success) = result else { throw ClientError(what: "READDIRPLUS") }
        return success.entries
    }

    @Test func s17_refusesCredentialsThatDoNotFitTheirLength() async throws {
        try await withServer { server in
            let client = try server.client()
            let good = RPCClient.message(xid: 5, 0, XDRVoid())
            // Word 7 is the length of the credential, 9 that of the machine's name in it.
            // The name has four bytes; words 13 and 14 are the group and the number of the others.
            let bad = [(7, 0x7fff_ffff), (7, 401), (9, 256), (9, 0xffff_fff0), (13, 17), (13, 1)]
            for (word, value) in bad {
                var message = good
                withUnsafeBytes(of: UInt32(value).bigEndian) {
                    message.replaceSubrange(4 * word..<4 * word + 4, with: $0)
                }
                let other = try server.client()
                try other.send(RPCClient.record(message))
                let isRefused =
                    (try? other.receive().reply) == .authError(.badCredential)
                    || other.isClosedByServer
                #expect(isRefused, "word \(word) = \(value)")
            }
            #expect(try client.request(0, XDRVoid()).reply == .success)
        }
    }

    @Test func s45_s46_oneFileSystemAndTypesThatStay() async throws {
        try await withServer { server in
            let client = try server.client()
            let root = try client.mount("/torrents")
            let own = try attributes(root, client)
            #expect(own.fileSystemID != 0)
            for entry in try listing(root, client).dropFirst(2) {
                let directory = try #require(entry.handle)
                for entry in try listing(directory, client).dropFirst(2) {
                    let handle = try #require(entry.handle)
                    let found = try attributes(handle, client)
                    #expect(found.fileSystemID == own.fileSystemID)
                    #expect(found == entry.attributes)
                    #expect(found.type == .regular)
                    #expect(found.fileID == entry.fileID)
                }
            }
        }
    }

    @Test func s55_namesThatSystemsLookForAreSimplyNotThere() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let reads = server.film.readCount + server.stalled.readCount
            for name in [
                "._film.mkv", ".DS_Store", "desktop.ini", ".hidden", "Thumbs.db", "autorun.inf",
            ] {
                let result = try client.lookupResult(Array(name.utf8), in: movies)
                guard case .failure(.noEntry, let directory) = result else {
                    Issue.record("\(name): \(result)")
                    continue
                }
                #expect(directory?.type == .directory)
            }
            #expect(server.film.readCount + server.stalled.readCount == reads)
        }
    }

    /// No call but READ waits, and none but READ is told to try later.
    @Test func s58_s59_metadataOfAFileWithoutBytesIsAnsweredAtOnce() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let stalled = try client.lookup("stalled.mkv", in: movies)
            for (procedure, arguments) in AllCalls.arguments(for: stalled)
            where procedure != NFS3Procedure.read.rawValue {
                let reply = try client.request(procedure, Raw(arguments))
                #expect(reply.reply == .success)
                let status = reply.results.getInteger(
                    at: reply.results.readerIndex,
                    as: UInt32.self
                )
                #expect(status != NFS3Status.jukebox.rawValue, "procedure \(procedure)")
                // Whether attributes follow stands behind the status, of errors as of what succeeds,
                // but for GETATTR, which has them without being asked.
                if procedure != NFS3Procedure.getAttributes.rawValue {
                    let hasAttributes = reply.results.getInteger(
                        at: reply.results.readerIndex + 4,
                        as: UInt32.self
                    )
                    #expect(hasAttributes == 1, "procedure \(procedure)")
                }
            }
            #expect(server.stalled.startedWaits == 0)
        }
    }

    @Test func s71_offsetsGoBeyondEightTebibytes() async throws {
        let tree = FakeTree()
        let directory = tree.addDirectory("large", route: 9)
        let size: UInt64 = 9 << 40
        let file = tree.addFile(
            Array("large.img".utf8),
            index: 90,
            bytes: [],
            verified: 0,
            claimedSize: size,
            to: directory
        )
        var limits = NFSLimits()
        limits.waitPolicy = ReadWaitPolicy(stallTimeout: nil)
        try await withServer(limits: limits, tree: tree) { server in
            let client = try server.client()
            let handle = try client.lookup("large.img", in: try client.mount("/torrents/large"))
            #expect(try attributes(handle, client).size == size)
            let offset: UInt64 = 5 << 40 | 1 << 33 | 5
            try client.start(
                .read,
                READ3Arguments(file: handle, offset: offset, count: 4096)
            )
            #expect(await eventually { file.waitedFor == [offset..<offset + 4096] })
            let end = try client.read(handle, at: size, count: 4096)
            #expect(end.isEndOfFile == true)
            #expect(end.data.isEmpty)
            let last = UInt64.max - 5
            #expect(try client.read(handle, at: last, count: 4096).isEndOfFile == true)
        }
    }
}
