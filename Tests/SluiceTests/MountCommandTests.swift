import NFSExposure
import Testing

@testable import sluice

@Suite struct MountCommandTests {
    private func command(
        address: String = "127.0.0.1",
        export: String = "/torrents",
        directory: String = "/mnt",
        kernel: String = "6.1.0-31-amd64",
        findsLocks: Bool = true
    ) -> MountCommand {
        var configuration = Configuration()
        configuration.nfs.address = address
        return MountCommand(
            configuration: configuration,
            export: export,
            directory: directory,
            kernel: kernel,
            findsLocks: findsLocks
        )
    }

    @Test func mountsTheTree() {
        #expect(
            command().text
                == "mount -t nfs -o vers=3,proto=tcp,port=2049,mountport=2049,mountproto=tcp,hard,ro,"
                + "noatime,rsize=1048576,acdirmin=1,acdirmax=5,nconnect=2 127.0.0.1:/torrents /mnt"
        )
    }

    @Test func asksOldKernelsForNothingNew() {
        #expect(!command(kernel: "4.19.0").text.contains("nconnect"))
        #expect(!command(kernel: "").text.contains("nconnect"))
        #expect(command(kernel: "5.3").text.contains("nconnect"))
        #expect(command(findsLocks: false).text.contains("nolock"))
    }

    @Test func reachesEveryAddressByOneOfThisMachine() {
        #expect(command(address: "0.0.0.0").arguments.contains("127.0.0.1:/torrents"))
        #expect(command(address: "::").arguments.contains("[::1]:/torrents"))
        #expect(command(address: "::").text.contains("proto=tcp6"))
        #expect(command(address: "10.0.0.1").arguments.contains("10.0.0.1:/torrents"))
    }

    @Test func quotesForTheShell() {
        let text = command(export: "/torrents/TV shows", directory: "/mnt/it's").text
        #expect(text.hasSuffix(#"'127.0.0.1:/torrents/TV shows' '/mnt/it'\''s'"#))
    }

    @Test(arguments: [
        ("/torrents 127.0.0.1", nil, "/torrents"),
        ("/torrents 127.0.0.1", "/torrents/films/a", "/torrents/films/a"),
        ("/torrents/films 127.0.0.1(secure)", nil, "/torrents/films"),
        ("/torrents/films *.lan\n/torrents 10.0.0.1", nil, "/torrents/films"),
    ])
    func mountsWhatTheExportsAllow(exports: String, wish: String?, path: String) throws {
        #expect(try self.path(wish, exports) == path)
    }

    @Test(arguments: [
        ("/torrents 10.0.0.1", nil, "exports lets 127.0.0.1, which is this machine, mount nothing"),
        ("/torrents *", "films", "may not mount “films”; it may mount /torrents"),
        ("/torrents/a *", "/torrents/b", "may not mount “/torrents/b”; it may mount /torrents/a"),
        ("/torrents/a *\n/torrents/b *", nil, "--export /torrents/a, or --export /torrents/b"),
    ])
    func saysWhatMayBeMounted(exports: String, wish: String?, message: String) throws {
        let fault = #expect(throws: Fault.self) { try self.path(wish, exports) }
        #expect(fault?.description.contains(message) == true, "\(String(describing: fault))")
    }

    private func path(_ wish: String?, _ exports: String) throws -> String {
        let table = try ExportFile.parse(exports.utf8, file: "exports") { _ in [] }.table
        let address = try #require(IPAddress("127.0.0.1"))
        let host = ClientHost(address: address, names: ["box.lan"])
        return try MountCommand.path(wish, in: table, as: host, file: "exports")
    }
}
