import BitTorrentProtocol
import NFSExposure
import Testing
import VirtualTree

@Suite struct FileHandleTests {
    private let codec: FileHandleCodec
    private let handles: [FileHandle]

    init() throws {
        codec = try #require(FileHandleCodec(key: Array(0..<16)))
        let hash = try #require(InfoHash(bytes: 100..<120))
        handles = [
            FileHandle(exportID: 1, id: FileID(kind: .root)),
            FileHandle(exportID: .max, id: FileID(kind: .route, route: 0xdead_beef)),
            FileHandle(
                exportID: 7,
                id: FileID(kind: .torrentDirectory, route: 3, infoHash: hash, index: 9)),
            FileHandle(
                exportID: 7,
                id: FileID(
                    kind: .torrentFile, route: .max, infoHash: hash, index: .max, member: .max)),
        ]
    }

    @Test func s40_handleHasFixedSizeThatEveryClientTakes() {
        for handle in handles {
            #expect(codec.encode(handle).count == 52)
        }
    }

    @Test func carriesTheWholeIdentity() {
        for handle in handles {
            #expect(codec.decode(codec.encode(handle)) == handle)
        }
    }

    @Test func s41_handleStaysTheSameBytes() {
        #expect(
            codec.encode(handles[0])
                == [1, 1, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 36)
                + codec.encode(handles[0]).suffix(8))
        #expect(codec.encode(handles[2]) == codec.encode(handles[2]))
    }

    @Test func s42_refusesEveryFlippedBit() {
        for handle in handles {
            let bytes = codec.encode(handle)
            for bit in 0..<bytes.count * 8 {
                var forged = bytes
                forged[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(codec.decode(forged) == nil)
            }
        }
    }

    @Test func s42_refusesAnotherKey() throws {
        let other = try #require(FileHandleCodec(key: Array(1..<17)))
        for handle in handles {
            #expect(other.decode(codec.encode(handle)) == nil)
        }
    }

    @Test func s42_refusesEveryOtherLength() {
        let bytes = codec.encode(handles[3])
        for count in 0..<bytes.count {
            #expect(codec.decode(Array(bytes[..<count])) == nil)
        }
        #expect(codec.decode(bytes + [0]) == nil)
        #expect(codec.decode(bytes + bytes) == nil)
    }

    @Test func needsAKeyOfSixteenBytes() {
        #expect(FileHandleCodec(key: []) == nil)
        #expect(FileHandleCodec(key: Array(0..<15)) == nil)
        #expect(FileHandleCodec(key: Array(0..<17)) == nil)
    }
}
