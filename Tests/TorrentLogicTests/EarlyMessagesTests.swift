import BitTorrentProtocol
import Testing
import TorrentLogic

/// T-20: what comes before the metadata is kept raw, within bounds.
@Suite struct EarlyMessagesTests {
    func kept(_ messages: [PeerMessage]) -> [PeerMessage]? {
        var early = EarlyMessages()
        for message in messages { early.received(message) }
        return early.isComplete ? early.messages : nil
    }

    @Test func keepsWhatThePeerHasAndHowItStands() {
        #expect(
            kept([
                .bitfield([0xf0]), .unchoke, .have(piece: 6), .port(7000), .interested,
                .allowedFast(piece: 2), .keepAlive,
            ]) == [
                .bitfield([0xf0]), .have(piece: 6), .allowedFast(piece: 2), .port(7000),
                .interested, .unchoke,
            ]
        )
        #expect(kept([.haveAll, .unchoke, .choke]) == [.haveAll])
        #expect(kept([.interested, .notInterested]) == [])
    }

    @Test func aBitfieldMayComeOnceAndBeforeAnyHave() {
        #expect(kept([.bitfield([1]), .haveAll]) == nil)
        #expect(kept([.have(piece: 1), .bitfield([1])]) == nil)
    }

    @Test func doesNotGrowWithoutEnd() {
        #expect(kept([.bitfield([UInt8](repeating: 0, count: 256 << 10))]) != nil)
        #expect(kept([.bitfield([UInt8](repeating: 0, count: (256 << 10) + 1))]) == nil)
        #expect(kept((0..<70_000).map { .have(piece: $0) }) == nil)
        #expect(kept((0..<1000).map { .allowedFast(piece: $0) })?.count == 64)
    }
}
