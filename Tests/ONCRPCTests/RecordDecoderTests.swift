import NIOCore
import ONCRPC
import TestSupport
import Testing

@Suite struct RecordDecoderTests {
    static func fragment(_ bytes: [UInt8], isLast: Bool) -> [UInt8] {
        let mark = UInt32(bytes.count) | (isLast ? 0x8000_0000 : 0)
        return withUnsafeBytes(of: mark.bigEndian) { Array($0) } + bytes
    }

    static func records(
        of stream: [UInt8],
        inReadsOf size: Int,
        limit: Int = 4096
    ) throws -> [[UInt8]] {
        var decoder = RecordDecoder(maximumRecordSize: limit)
        var records: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: size) {
            decoder.append(ByteBuffer(bytes: stream[start...].prefix(size)))
            while let record = try decoder.nextRecord() {
                records.append(Array(record.readableBytesView))
            }
        }
        #expect(!decoder.hasPartialRecord)
        return records
    }

    let message = [UInt8](0..<140)

    @Test(arguments: [1, 2, 3, 4, 5, 7, 64, 1000])
    func findsTheSameRecordsHoweverTheStreamIsCut(size: Int) throws {
        let stream =
            Self.fragment(message, isLast: true)
            + Self.fragment([1, 2, 3], isLast: false) + Self.fragment([4], isLast: true)
            + Self.fragment([9], isLast: true) + Self.fragment(message, isLast: true)
        #expect(
            try Self.records(of: stream, inReadsOf: size) == [message, [1, 2, 3, 4], [9], message]
        )
    }

    @Test func joinsFragmentsOfOneByte() throws {
        let stream = message.enumerated().flatMap { index, byte in
            Self.fragment([byte], isLast: index == message.count - 1)
        }
        #expect(try Self.records(of: stream, inReadsOf: 1) == [message])
        #expect(try Self.records(of: stream + stream, inReadsOf: 4000) == [message, message])
    }

    @Test func skipsEmptyFragments() throws {
        let empty = Self.fragment([], isLast: false)
        let stream = empty + empty + Self.fragment([7], isLast: false) + empty
        #expect(
            try Self.records(of: stream + Self.fragment([], isLast: true), inReadsOf: 9) == [[7]]
        )
    }

    @Test func doesNotCopyARecordOfOneFragment() throws {
        let bytes = ByteBuffer(bytes: Self.fragment(message, isLast: true))
        let address = bytes.withUnsafeReadableBytes { $0.baseAddress }
        var decoder = RecordDecoder(maximumRecordSize: 1000)
        decoder.append(bytes)
        let record = try #require(try decoder.nextRecord())
        #expect(record.withUnsafeReadableBytes { $0.baseAddress } == address.map { $0 + 4 })
    }

    @Test func refusesAClaimBeforeTheBytesArrive() {
        var decoder = RecordDecoder(maximumRecordSize: 1000)
        decoder.append(ByteBuffer(bytes: [0xFF, 0xFF, 0xFF, 0xFF]))
        #expect(throws: RecordError.tooLarge(claimed: 0x7FFF_FFFF, limit: 1000)) {
            try decoder.nextRecord()
        }
    }

    @Test func refusesASumOfFragmentsAboveTheLimit() throws {
        var decoder = RecordDecoder(maximumRecordSize: 1000)
        let half = [UInt8](repeating: 1, count: 501)
        decoder.append(ByteBuffer(bytes: Self.fragment(half, isLast: false)))
        #expect(try decoder.nextRecord() == nil)
        decoder.append(ByteBuffer(bytes: Self.fragment(half, isLast: true).prefix(4)))
        #expect(throws: RecordError.tooLarge(claimed: 1002, limit: 1000)) {
            try decoder.nextRecord()
        }
    }

    @Test func acceptsARecordOfExactlyTheLimit() throws {
        let bytes = [UInt8](repeating: 1, count: 1000)
        let stream = Self.fragment(bytes, isLast: true)
        #expect(try Self.records(of: stream, inReadsOf: 13, limit: 1000) == [bytes])
    }

    @Test func refusesEndlessEmptyFragments() {
        var decoder = RecordDecoder(maximumRecordSize: 1000, maximumFragmentCount: 16)
        decoder.append(ByteBuffer(repeating: 0, count: 4 * 17))
        #expect(throws: RecordError.tooManyFragments(limit: 16)) { try decoder.nextRecord() }
    }

    @Test func refusesARecordOfNoBytes() {
        var decoder = RecordDecoder(maximumRecordSize: 1000)
        decoder.append(ByteBuffer(bytes: Self.fragment([], isLast: true)))
        #expect(throws: RecordError.empty) { try decoder.nextRecord() }
    }

    @Test func keepsNothingOfWhatItHandedOut() throws {
        // Reads that always end within a record: the buffer must not grow with the stream.
        let stream = Self.fragment(message, isLast: true)
        var decoder = RecordDecoder(maximumRecordSize: 1000)
        var count = 0
        decoder.append(ByteBuffer(bytes: stream.prefix(10)))
        for _ in 0..<10_000 {
            decoder.append(ByteBuffer(bytes: stream[10...] + stream[..<10]))
            while let record = try decoder.nextRecord() {
                count += 1
                #expect(record.storageCapacity <= 1024)
            }
        }
        #expect(count == 10_000)
    }

    @Test func survivesAnyStream() {
        let stream =
            Self.fragment(message, isLast: true) + Self.fragment([1, 2, 3], isLast: false)
            + Self.fragment([4], isLast: true) + Self.fragment(message, isLast: true)
        var mutator = Mutator(seed: 1)
        for _ in 0..<100_000 {
            var decoder = RecordDecoder(maximumRecordSize: 300, maximumFragmentCount: 8)
            let bytes = mutator.mutate(stream)
            let cut = Int.random(in: 0...bytes.count, using: &mutator)
            var total = 0
            do throws(RecordError) {
                for part in [bytes[..<cut], bytes[cut...]] {
                    decoder.append(ByteBuffer(bytes: part))
                    while let record = try decoder.nextRecord() { total += record.readableBytes }
                }
            } catch {}
            #expect(total <= bytes.count)
        }
    }

    @Test func marksARecordWithItsPayload() {
        var buffer = ByteBuffer(string: "before")
        let mark = RecordMark(reservedIn: &buffer)
        buffer.writeBytes([1, 2, 3, 4])
        mark.set(in: &buffer, payloadByteCount: 8)
        #expect(Array(buffer.readableBytesView.dropFirst(6)) == [0x80, 0, 0, 12, 1, 2, 3, 4])
    }
}
