import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct BanListTests {
    func incoming(_ host: [UInt8], _ port: UInt16, _ id: Int) -> PeerIdentity {
        PeerIdentity(address: address(host, port), isIncoming: true, id: peerID(id))
    }
    func dialled(_ host: [UInt8], _ port: UInt16, _ id: Int) -> PeerIdentity {
        PeerIdentity(address: address(host, port), isIncoming: false, id: peerID(id))
    }
    static let local: [[UInt8]] = [
        [127, 0, 0, 1], [10, 1, 2, 3], [192, 168, 0, 1], [172, 16, 0, 1], [169, 254, 1, 1],
        [100, 64, 0, 1], [UInt8](repeating: 0, count: 15) + [1],
        [0xfd] + [UInt8](repeating: 0, count: 15), [0xfe, 0x80] + [UInt8](repeating: 1, count: 14),
        [UInt8](repeating: 0, count: 10) + [255, 255, 127, 0, 0, 1],
    ]

    @Test func aPublicHostIsBannedWhole() {
        var bans = BanList()
        bans.ban(incoming([8, 8, 8, 8], 50000, 1))
        #expect(bans.contains(incoming([8, 8, 8, 8], 1, 2)))
        #expect(bans.contains(dialled([8, 8, 8, 8], 6881, 3)))
        #expect(bans.contains(address([8, 8, 8, 8], 6881)))
        #expect(!bans.contains(address([8, 8, 8, 9], 6881)))
    }

    @Test(arguments: local) func aLocalNeighbourIsSpared(host: [UInt8]) {
        var bans = BanList()
        bans.ban(dialled(host, 6001, 1))
        #expect(bans.contains(address(host, 6001)))
        #expect(!bans.contains(address(host, 6002)))
        #expect(!bans.contains(dialled(host, 6002, 2)))
        #expect(!bans.contains(incoming(host, 50000, 2)))
        // The liar itself, by its id, from another port or coming in.
        #expect(bans.contains(dialled(host, 6003, 1)))
        #expect(bans.contains(incoming(host, 50001, 1)))
    }

    @Test func anIncomingLiarThatChangesItsIDIsShakenOff() {
        var bans = BanList()
        for id in 1...3 {
            #expect(!bans.contains(incoming([127, 0, 0, 1], 50000, id)))
            bans.ban(incoming([127, 0, 0, 1], 50000, id))
        }
        #expect(bans.contains(incoming([127, 0, 0, 1], 50000, 4)))
        #expect(!bans.contains(dialled([127, 0, 0, 1], 6001, 5)))
        #expect(!bans.contains(incoming([127, 0, 0, 2], 50000, 4)))
    }
}
