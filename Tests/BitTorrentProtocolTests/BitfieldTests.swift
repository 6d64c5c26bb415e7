import BitTorrentProtocol
import Testing

@Suite struct BitfieldTests {
    @Test func putsTheFirstPieceInTheHighestBit() {
        var field = Bitfield(count: 10)
        field[PieceIndex(0)] = true
        field[PieceIndex(9)] = true
        #expect(field.bytes == [0x80, 0x40])
        #expect(field.setCount == 2)
        field[PieceIndex(9)] = true
        #expect(field.setCount == 2)
        field[PieceIndex(0)] = false
        #expect(field.bytes == [0, 0x40])
        #expect(!field.isEmpty)
    }

    @Test func refusesSpareBitsAndWrongLengths() {
        #expect(Bitfield(bytes: [0xff, 0xc0], count: 10)?.isComplete == true)
        #expect(Bitfield(bytes: [0xff, 0xe0], count: 10) == nil)
        #expect(Bitfield(bytes: [0xff, 0xc1], count: 10) == nil)
        #expect(Bitfield(bytes: [0xff], count: 10) == nil)
        #expect(Bitfield(bytes: [0xff, 0, 0], count: 10) == nil)
        #expect(Bitfield(bytes: [0xff], count: 8)?.setCount == 8)
    }

    @Test(arguments: [1, 7, 8, 9, 20])
    func aFullOneHasEveryPieceAndNoSpareBit(count: Int) {
        let full = Bitfield(full: count)
        #expect(full.isComplete)
        #expect(Bitfield(bytes: full.bytes, count: count) == full)
    }
}
