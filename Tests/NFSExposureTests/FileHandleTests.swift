import BitTorrentProtocol
import NFSExposure
import NFSProtocol
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
                id: FileID(kind: .torrentDirectory, route: 3, infoHash: hash, index: 9)
            ),
            FileHandle(
                exportID: 7,
                id: FileID(
                    kind: .torrentFile,
                    route: .max,
                    infoHash: hash,
                    index: .max,
                    member: .max
                )
            ),
        ]
    }

    private func bytes(_ handle: FileHandle) -> [UInt8] { codec.encode(handle).bytes }

    private func decode(_ bytes: [UInt8]) -> FileHandle? {
        NFS3FileHandle(bytes).flatMap(codec.decode)
    }

    @Test func s40_handleHasFixedSizeThatEveryClientTakes() {
        for handle in handles {
            #expect(bytes(handle).count == 52)
        }
    }

    @Test func carriesTheWholeIdentity() {
        for handle in handles {
            #expect(codec.decode(codec.encode(handle)) == handle)
        }
    }

    @Test func s41_handleStaysTheSameBytes() {
        let mac: [UInt8] = [188, 226, 39, 149, 132, 79, 145, 79]
        #expect(
            bytes(handles[0])
                == [1, 1] + [UInt8](repeating: 0, count: 38) + [0, 0, 0, 1] + mac
        )
    }

    @Test func s42_refusesEveryFlippedBit() {
        for handle in handles {
            let bytes = bytes(handle)
            for bit in 0..<bytes.count * 8 {
                var forged = bytes
                forged[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(decode(forged) == nil)
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
        let bytes = bytes(handles[3])
        for count in 0..<bytes.count {
            #expect(decode(Array(bytes[..<count])) == nil)
        }
        #expect(decode(bytes + [0]) == nil)
    }

    @Test func needsAKeyOfSixteenBytes() {
        #expect(FileHandleCodec(key: []) == nil)
        #expect(FileHandleCodec(key: Array(0..<15)) == nil)
        #expect(FileHandleCodec(key: Array(0..<17)) == nil)
    }

    @Test func aSeriesIsWhatItsHandlesAreAlone() throws {
        let hash = try #require(InfoHash(bytes: 100..<120))
        let other = try #require(InfoHash(bytes: Array(100..<119) + [0]))
        let ids =
            (0..<5).map { FileID(kind: .torrentFile, route: 3, infoHash: hash, index: $0 << 20) }
            + handles.map(\.id)
            + [
                FileID(kind: .torrentFile, route: 3, infoHash: other, index: 0),
                FileID(kind: .torrentFile, route: 3, infoHash: hash, index: 0),
                FileID(kind: .torrentFile, route: 3, infoHash: hash, index: 0, member: 9),
            ]
        var series = codec.series(exportID: 7)
        for id in ids {
            let handle = NFS3FileHandle(count: FileHandleCodec.byteCount) {
                series.encode(id, into: $0)
            }
            #expect(handle == codec.encode(FileHandle(exportID: 7, id: id)))
        }
    }
}
