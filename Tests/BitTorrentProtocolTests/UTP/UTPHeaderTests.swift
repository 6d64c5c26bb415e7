import BitTorrentProtocol
import NIOCore
import TestSupport
import Testing

@Suite struct UTPHeaderTests {
    static let headers = [
        UTPHeader(.syn, connectionID: 0xfffe, sequence: 1, acknowledged: 0),
        UTPHeader(
            .data,
            connectionID: 0x1234,
            timestamp: .max,
            delay: 25_000,
            window: 1 << 20,
            sequence: 0xffff,
            acknowledged: 0
        ),
        UTPHeader(
            .state,
            connectionID: 7,
            sequence: 3,
            acknowledged: 4,
            selectiveAck: UTPSelectiveAck([0, 3, 31, 32, 100])
        ),
        UTPHeader(
            .state,
            connectionID: 7,
            sequence: 3,
            acknowledged: 4,
            selectiveAck: UTPSelectiveAck(0..<5000)
        ),
        UTPHeader(.fin, connectionID: 0, sequence: 0, acknowledged: 0xffff),
        UTPHeader(.reset, connectionID: 9, sequence: 2, acknowledged: 1),
    ]

    func encoded(_ header: UTPHeader, payload: [UInt8] = []) -> [UInt8] {
        var buffer = ByteBuffer()
        header.encode(into: &buffer)
        return Array(buffer.readableBytesView) + payload
    }

    @Test func hasTheBytesOfTheStandard() {
        let header = UTPHeader(
            .state,
            connectionID: 0x0102,
            timestamp: 0x0304_0506,
            delay: 0x0708_090a,
            window: 0x0b0c_0d0e,
            sequence: 0x0f10,
            acknowledged: 0x1112,
            selectiveAck: UTPSelectiveAck([0, 9])
        )
        #expect(
            encoded(header)
                == [0x21, 1] + Array(1...18) + [0, 4, 0b0000_0001, 0b0000_0010, 0, 0]
        )
    }

    @Test(arguments: headers) func isReadBackUnchangedBeforeItsPayload(_ header: UTPHeader) {
        var buffer = ByteBuffer(bytes: encoded(header, payload: [1, 2, 3]))
        #expect(UTPHeader(consuming: &buffer) == header)
        #expect(Array(buffer.readableBytesView) == [1, 2, 3])
    }

    @Test(arguments: headers) func isNothingWhenCutShort(_ header: UTPHeader) {
        let bytes = encoded(header)
        for count in bytes.indices {
            var buffer = ByteBuffer(bytes: bytes[..<count])
            #expect(UTPHeader(consuming: &buffer) == nil)
            #expect(buffer.readableBytes == count)
        }
    }

    @Test func skipsWhatItDoesNotKnow() {
        var bytes = encoded(Self.headers[1])
        bytes[1] = 2
        bytes += [3, 8, 0, 0, 0, 0, 0, 0, 0, 0]  // extension bits of old versions
        bytes += [1, 0]
        bytes += [0, 4, 1, 0, 0, 0]
        var buffer = ByteBuffer(bytes: bytes + [42])
        var expected = Self.headers[1]
        expected.selectiveAck = UTPSelectiveAck([0])
        #expect(UTPHeader(consuming: &buffer) == expected)
        #expect(Array(buffer.readableBytesView) == [42])
    }

    @Test func refusesOtherVersionsAndKinds() {
        for first: UInt8 in [0x00, 0x02, 0x51, 0xf1, UInt8(ascii: "d")] {
            var bytes = encoded(Self.headers[1])
            bytes[0] = first
            var buffer = ByteBuffer(bytes: bytes)
            #expect(UTPHeader(consuming: &buffer) == nil)
        }
    }

    @Test func refusesChainsWithoutEnd() {
        var bytes = encoded(Self.headers[1])
        bytes[1] = 9
        var buffer = ByteBuffer(bytes: bytes + [UInt8](repeating: 0, count: 600).map { _ in 9 })
        #expect(UTPHeader(consuming: &buffer) == nil)
    }

    /// libtorrent's are as long as they need to be, not a whole number of four bytes.
    @Test(arguments: [0, 1, 3, 6, 255]) func takesSelectiveAcksOfAnyLength(count: Int) {
        var bytes = encoded(Self.headers[1], payload: [0, UInt8(count)])
        bytes[1] = 1
        bytes += [UInt8](repeating: 0x81, count: count) + [42]
        var buffer = ByteBuffer(bytes: bytes)
        let header = UTPHeader(consuming: &buffer)
        let offsets = (0..<count).flatMap { [8 * $0, 8 * $0 + 7] }
        #expect(header?.sequence == Self.headers[1].sequence)
        #expect(header?.selectiveAck.map { Array($0.offsets) } ?? [] == offsets)
        #expect(Array(buffer.readableBytesView) == [42])
    }

    @Test func namesTheOffsetsOfASelectiveAck() {
        let offsets = [0, 1, 7, 8, 63, 64, 2015]
        #expect(Array(UTPSelectiveAck(offsets + [2016, 9000]).offsets) == offsets)
        #expect(Array(UTPSelectiveAck([]).offsets).isEmpty)
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 29)
        for round in 0..<100_000 {
            let valid = encoded(Self.headers[round % Self.headers.count])
            let bytes = mutator.mutate(valid)
            var buffer = ByteBuffer(bytes: bytes)
            guard let header = UTPHeader(consuming: &buffer) else { continue }
            var again = ByteBuffer(bytes: encoded(header))
            if UTPHeader(consuming: &again) != header { Issue.record("\(bytes)") }
        }
    }
}
