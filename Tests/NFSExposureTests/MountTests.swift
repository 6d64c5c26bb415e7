import Glibc
import NFSExposure
import NFSProtocol
import NIOCore
import ONCRPC
import Testing

@Suite struct MountTests {
    private func status(_ result: Mount3Result) -> MountStatus {
        switch result {
        case .success: .ok
        case .failure(let status): status
        }
    }

    private func exports(_ client: RPCClient, version: UInt32 = 3) throws -> [String] {
        try client.request(
            program: ProgramNumber.mount,
            version: version,
            MountProcedure.export.rawValue,
            XDRVoid()
        ).decode(ExportList.self).entries.map { String(decoding: $0.directory, as: UTF8.self) }
    }

    @Test func s32_mountsRootsAndDirectoriesBelow() async throws {
        try await withServer { server in
            let client = try server.client()
            for path in ["/torrents", "/torrents/movies"] {
                guard case .success(let handle, let flavors) = try client.mountResult(path) else {
                    Issue.record("\(path) refused")
                    continue
                }
                #expect(flavors == [AuthFlavor.sys])
                guard case .success(let attributes) = try client.attributes(handle) else {
                    Issue.record("no attributes of \(path)")
                    continue
                }
                #expect(attributes.type == .directory)
            }
        }
    }

    @Test func s33_takesSlashesAsTheyComeAndNoDots() async throws {
        try await withServer { server in
            let client = try server.client()
            let root = try client.mount("/torrents")
            for path in ["/torrents/", "//torrents", "/", ""] {
                #expect(try client.mount(path) == root, "\(path)")
            }
            let movies = try client.mount("/torrents/movies")
            #expect(try client.mount("/torrents//movies/") == movies)
            for path in ["/torrents/..", "/torrents/./movies", "/torrents/movies/../../etc"] {
                #expect(status(try client.mountResult(path)) == .accessDenied)
            }
            let long = String(repeating: "x", count: 300)
            #expect(status(try client.mountResult("/torrents/\(long)")) == .nameTooLong)
            let tooLong = try client.request(
                program: ProgramNumber.mount,
                MountProcedure.mount.rawValue,
                Raw([0, 0, 4, 4] + [UInt8](repeating: 0x61, count: 1028))
            )
            #expect(tooLong.reply == .garbageArguments)
        }
    }

    @Test func s34_tellsWhyAMountFails() async throws {
        try await withServer(exports: "/torrents/movies *\n/torrents/other 10.9.9.9") { server in
            let client = try server.client()
            #expect(status(try client.mountResult("/torrents/movies/film.mkv")) == .notDirectory)
            #expect(status(try client.mountResult("/torrents/movies/none")) == .noEntry)
            #expect(status(try client.mountResult("/torrents/other")) == .accessDenied)
            #expect(status(try client.mountResult("/torrents/none")) == .accessDenied)
            #expect(status(try client.mountResult("/torrents")) == .accessDenied)
            #expect(status(try client.mountResult("/etc")) == .noEntry)
        }
    }

    @Test func anExportShowsWhatItsOptionsSay() async throws {
        let exports = "/media *(route=movies,uid=7,mode=0640)\n/torrents *"
        try await withServer(exports: exports) { server in
            let client = try server.client()
            let media = try client.mount("/media")
            guard case .success(let attributes) = try client.attributes(media) else {
                Issue.record("no attributes of /media")
                return
            }
            #expect(attributes.uid == 7)
            #expect(attributes.mode == 0o750)
            // The same directory, by two exports: two file systems.
            #expect(try client.mount("/torrents/movies") != media)
            #expect(status(try client.mountResult("/media/film.mkv")) == .notDirectory)
            #expect(status(try client.mountResult("/mediathek")) == .noEntry)
        }
    }

    @Test func s35_secureExportsWantALowPort() async throws {
        try await withServer(exports: "/torrents *(secure)") { server in
            let result = try server.client().mountResult("/torrents")
            #expect(status(result) == .accessDenied)
        }
    }

    @Test func s36_listsWhatTheCallerMayMount() async throws {
        let text = "/torrents *\n/torrents/movies 127.0.0.0/8\n/torrents/other 10.9.9.9"
        try await withServer(exports: text) { server in
            let client = try server.client()
            let listed = try exports(client)
            let listedBy1 = try exports(client, version: 1)
            #expect(listed == ["/torrents", "/torrents/movies"])
            #expect(listedBy1 == listed)
            for path in listed { _ = try client.mount(path) }
        }
    }

    @Test func s37_dumpAndUnmountAlwaysReply() async throws {
        try await withServer { server in
            let client = try server.client()
            func dump() throws -> [MountEntry] {
                try client.request(
                    program: ProgramNumber.mount,
                    MountProcedure.dump.rawValue,
                    XDRVoid()
                ).decode(MountList.self).entries
            }
            func unmount(_ path: String) throws {
                let reply = try client.request(
                    program: ProgramNumber.mount,
                    MountProcedure.unmount.rawValue,
                    MountPath(path: Array(path.utf8))
                )
                #expect(reply.reply == .success)
            }
            #expect(try dump().isEmpty)
            _ = try client.mount("/torrents/movies")
            _ = try client.mount("/torrents/movies")
            _ = try client.mount("/torrents/other")
            let paths = try dump().map { String(decoding: $0.directory, as: UTF8.self) }
            #expect(paths == ["/torrents/movies", "/torrents/other"])
            try unmount("/torrents/other")
            try unmount("/nowhere")
            #expect(try dump().count == 1)
            let all = try client.request(
                program: ProgramNumber.mount,
                MountProcedure.unmountAll.rawValue,
                XDRVoid()
            )
            #expect(all.reply == .success)
            #expect(try dump().isEmpty)
            // Strangers are told nothing.
            _ = try client.mount("/torrents/movies")
            await server.server.replaceExports(try parseExports("/torrents 10.9.9.9"))
            #expect(try dump().isEmpty)
        }
    }

    @Test func s38_handlesSurviveARestartAndVersion1HasNone() async throws {
        var handle: NFS3FileHandle?
        try await withServer { server in
            let client = try server.client()
            handle = try client.mount("/torrents/movies")
            let first = try client.request(
                program: ProgramNumber.mount,
                version: 1,
                MountProcedure.mount.rawValue,
                MountPath(path: Array("/torrents".utf8))
            ).decode(Mount1Result.self)
            #expect(first == .failure(22))
        }
        try await withServer(exports: "/torrents/other *\n/torrents 127.0.0.1") { server in
            let client = try server.client()
            let again = try client.mount("/torrents/movies")
            #expect(again == handle)
            guard case .success = try client.attributes(again) else {
                Issue.record("the handle is gone")
                return
            }
        }
    }

    @Test func s39_checksAccessOnEveryCall() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            await server.server.replaceExports(try parseExports("/torrents 10.9.9.9"))
            #expect(try client.attributes(movies) == .failure(.accessDenied))
            await server.server.replaceExports(try parseExports("/torrents/other *"))
            #expect(try client.attributes(movies) == .failure(.stale))
            await server.server.replaceExports(try parseExports("/torrents *"))
            guard case .success = try client.attributes(movies) else {
                Issue.record("the handle is gone")
                return
            }
        }
    }

    @Test func s27_answersMountOverUDP() async throws {
        try await withServer(udp: true) { server in
            let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            defer { Glibc.close(socket) }
            var limit = timeval(tv_sec: 20, tv_usec: 0)
            setsockopt(
                socket,
                SOL_SOCKET,
                SO_RCVTIMEO,
                &limit,
                socklen_t(MemoryLayout<timeval>.size)
            )
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(server.port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let connected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            #expect(connected == 0)
            // Garbage is met with silence: the reply below is to the call behind it.
            _ = Glibc.send(socket, [1, 2, 3] as [UInt8], 3, 0)
            let message = RPCClient.message(
                xid: 42,
                program: ProgramNumber.mount,
                MountProcedure.mount.rawValue,
                MountPath(path: Array("/torrents".utf8))
            )
            _ = Glibc.send(socket, message, message.count, 0)
            var bytes = [UInt8](repeating: 0, count: 2048)
            let count = recv(socket, &bytes, bytes.count, 0)
            var reply = ByteBuffer(bytes: bytes.prefix(max(0, count)))
            let header = try RPCReply.decode(consuming: &reply)
            #expect(header.xid == 42)
            let tcp = try server.client().mount("/torrents")
            let udp = try reply.decodeArguments(Mount3Result.self)
            #expect(udp == .success(tcp, authFlavors: [AuthFlavor.sys]))
        }
    }
}
