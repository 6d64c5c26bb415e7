import NFSProtocol
import NIOCore
import ONCRPC
import Testing

@Suite struct READDIR3BuilderTests {
    /// Bytes of READDIR3resok with attributes and no entries.
    static let emptyByteCount: UInt32 = 88 + 8 + 8

    static func name(_ index: Int) -> [UInt8] {
        Array("entry \(index)".utf8) + [UInt8](repeating: 0x78, count: index % 7)
    }

    static func entry(_ index: Int) -> READDIRPLUS3Entry {
        READDIRPLUS3Entry(
            fileID: UInt64(index + 1),
            name: name(index),
            cookie: UInt64(index + 3),
            attributes: Values.attributes,
            handle: index % 5 == 0 ? Values.handle : Values.oddHandle
        )
    }

    static func decode<T: XDRDecodable>(_ body: ByteBuffer, as type: T.Type) throws -> T? {
        guard
            case .success(let success) = try body.decodeArguments(
                NFS3Result<T, NFS3FileAttributes?>.self,
                slack: 0
            )
        else { return nil }
        return success
    }

    @Test(arguments: [Array(0...600), [4096, 8192, 32768, 1 << 20]].joined().map { UInt32($0) })
    func fillsREADDIRUpToItsCount(count: UInt32) throws {
        var builder = READDIR3Builder(count: count, verifier: 5)
        #expect((builder == nil) == (count < Self.emptyByteCount))
        var appended = 0
        while appended < 2000,
            builder?.append(
                fileID: UInt64(appended + 1),
                name: Self.name(appended).span,
                cookie: UInt64(appended + 3)
            )
                == true
        {
            appended += 1
        }
        guard var builder else { return }
        #expect(builder.isEmpty == (appended == 0))
        let body = builder.finish(isEndOfDirectory: appended == 2000)
        #expect(body.readableBytes - 4 <= count)
        let result = try #require(try Self.decode(body, as: READDIR3Success.self))
        #expect(result.entries.count == appended)
        #expect(result.entries.map(\.cookie) == (0..<appended).map { UInt64($0 + 3) })
        #expect(result.isEndOfDirectory == (appended == 2000))
        #expect(result.verifier == 5)
        // One more would not have fitted.
        if appended < 2000 {
            let next = Self.name(appended).count
            #expect(body.readableBytes - 4 + 24 + (next + 3) / 4 * 4 > count)
        }
        #expect(Sample.encode(READDIR3Result.success(result)) == Array(body.readableBytesView))
    }

    @Test(arguments: [Array(0...600), [4096, 8192, 32768, 1 << 20]].joined().map { UInt32($0) })
    func fillsREADDIRPLUSUpToItsMaximum(count: UInt32) throws {
        var builder = READDIRPLUS3Builder(directoryCount: .max, maximumCount: count)
        #expect((builder == nil) == (count < Self.emptyByteCount))
        var appended = 0
        while appended < 500, builder?.append(Self.entry(appended)) == true { appended += 1 }
        guard var builder else { return }
        let body = builder.finish(isEndOfDirectory: false)
        #expect(body.readableBytes - 4 <= count)
        let result = try #require(try Self.decode(body, as: READDIRPLUS3Success.self))
        #expect(result.entries == (0..<appended).map(Self.entry))
        if appended < 500 {
            let one = Sample.encode(Self.entry(appended)).count + 4
            #expect(body.readableBytes - 4 + one > count)
        }
    }

    @Test func boundsREADDIRPLUSByItsDirectoryCount() throws {
        // fileid, name and cookie of "entry 0" are 28 bytes; so are those of the next.
        for (limit, expected) in [(0, 1), (28, 1), (55, 1), (56, 2)] as [(UInt32, Int)] {
            var builder = try #require(
                READDIRPLUS3Builder(directoryCount: limit, maximumCount: 65536)
            )
            var appended = 0
            while appended < 2, builder.append(Self.entry(appended)) { appended += 1 }
            #expect(appended == expected, "dircount \(limit)")
        }
    }

    @Test func goesOnAfterARefusedEntry() throws {
        var builder = try #require(
            READDIR3Builder(count: Self.emptyByteCount + 28, verifier: 0)
        )
        let longFits = builder.append(
            fileID: 1,
            name: [UInt8](repeating: 1, count: 5).span,
            cookie: 3
        )
        #expect(!longFits)
        #expect(builder.isEmpty)
        let shortFits = builder.append(
            fileID: 1,
            name: [UInt8](repeating: 1, count: 4).span,
            cookie: 3
        )
        #expect(shortFits)
        let emptyFits = builder.append(fileID: 2, name: [UInt8]().span, cookie: 4)
        #expect(!emptyFits)
        let body = builder.finish(isEndOfDirectory: true)
        #expect(body.readableBytes == Int(Self.emptyByteCount) + 28 + 4)
    }

    @Test func appendsToWhatIsThere() throws {
        var buffer = ByteBuffer(string: "before")
        #expect(
            READDIR3Builder(count: 8, attributes: nil, verifier: 0, appendingTo: &buffer) == nil
        )
        #expect(buffer == ByteBuffer(string: "before"))
        var builder = try #require(
            READDIR3Builder(count: 64, attributes: nil, verifier: 0, appendingTo: &buffer)
        )
        #expect(buffer.readableBytes == 0)
        buffer = builder.finish(isEndOfDirectory: true)
        #expect(buffer.readString(length: 6) == "before")
        #expect(buffer.readableBytes == 24)
    }
}

extension READDIR3Builder {
    init?(count: UInt32, verifier: UInt64) {
        var buffer = ByteBuffer()
        self.init(
            count: count,
            attributes: Values.attributes,
            verifier: verifier,
            appendingTo: &buffer
        )
    }
}

extension READDIRPLUS3Builder {
    init?(directoryCount: UInt32, maximumCount: UInt32) {
        var buffer = ByteBuffer()
        self.init(
            directoryCount: directoryCount,
            maximumCount: maximumCount,
            attributes: Values.attributes,
            verifier: 0,
            appendingTo: &buffer
        )
    }

    mutating func append(_ entry: READDIRPLUS3Entry) -> Bool {
        let handle = entry.handle?.bytes ?? []
        return append(
            fileID: entry.fileID,
            name: entry.name.span,
            cookie: entry.cookie,
            attributes: Values.attributes,
            handleByteCount: handle.count
        ) { $0.copyBytes(from: handle) }
    }
}
