import Testing

@testable import sluice

@Suite struct MountCommandTests {
    private func command(
        address: String = "127.0.0.1",
        export: String? = nil,
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
}
