import Testing

@testable import sluice

@Suite struct MountHintsTests {
    func text(_ change: (inout Configuration) -> Void, isRegistered: Bool) -> String {
        var configuration = Configuration()
        change(&configuration)
        return MountHints(
            configuration: configuration,
            hostName: "box",
            isRegistered: isRegistered
        ).lines.joined(separator: "\n")
    }

    @Test func namesThePortsWhereNobodyElseDoes() {
        let text = text({ $0.nfs.port = 3049 }, isRegistered: false)
        #expect(text.contains("nfs-ls 'nfs://127.0.0.1/torrents?nfsport=3049&mountport=3049'"))
        #expect(
            text.contains(
                "-o nfsvers=3,nolock,proto=tcp,port=3049,mountport=3049 127.0.0.1:/torrents /mnt"
            )
        )
        #expect(text.contains("start rpcbind"))
    }

    @Test func needsNoPortsWithRPCBind() {
        let text = text({ $0.nfs.address = "0.0.0.0" }, isRegistered: true)
        #expect(text.contains("nfs-ls 'nfs://box/torrents'"))
        #expect(text.contains("mount -t nfs -o nfsvers=3 box:/torrents /mnt"))
        #expect(text.contains("server box, remote path /torrents"))
    }
}
