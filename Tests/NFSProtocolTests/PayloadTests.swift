import NFSProtocol
import NIOCore
import ONCRPC
import TestSupport
import Testing

/// The data of READ and WRITE, which are never part of an encoded value.
@Suite struct PayloadTests {
    @Test(arguments: [0, 1, 2, 3, 4, 4095])
    func readsTheDataBehindAREADHeader(count: Int) throws {
        let data = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let header = READ3Header(
            attributes: Values.attributes,
            count: UInt32(count),
            isEndOfFile: count < 4
        )
        #expect(header.payloadByteCount == (count + 3) / 4 * 4)
        var buffer = ByteBuffer(bytes: Sample.encode(READ3Result.success(header)))
        #expect(buffer.readableBytes == 4 + 88 + 12)
        buffer.writeBytes(data)
        buffer.writeRepeatingByte(0, count: header.paddingByteCount)

        #expect(try buffer.readXDR(READ3Result.self) == .success(header))
        #expect(buffer.readableBytes == header.payloadByteCount)
        #expect(buffer.readBytes(length: count) == data)
    }

    @Test func refusesAREADResultWithoutItsData() {
        let header = READ3Header(attributes: nil, count: 5, isEndOfFile: false)
        var buffer = ByteBuffer(bytes: Sample.encode(READ3Result.success(header)))
        buffer.writeRepeatingByte(0, count: 7)
        #expect(throws: XDRError.self) { try buffer.readXDR(READ3Result.self) }
    }

    @Test func refusesAREADResultWhoseCountIsNotItsLength() {
        var bytes = Sample.encode(
            READ3Result.success(READ3Header(attributes: nil, count: 4, isEndOfFile: false))
        )
        bytes[bytes.count - 1] = 3
        var buffer = ByteBuffer(bytes: bytes + [1, 2, 3, 4])
        #expect(throws: XDRError.invalidValue(offset: 16, value: 3)) {
            try buffer.readXDR(READ3Result.self)
        }
    }

    static func writeCall(dataByteCount: Int) -> (header: WRITE3Header, bytes: [UInt8]) {
        let header = WRITE3Header(
            file: Values.handle,
            offset: 1 << 40,
            count: UInt32(dataByteCount),
            stability: .unstable,
            dataByteCount: UInt32(dataByteCount)
        )
        let data = (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) }
        let padding = [UInt8](repeating: 0, count: header.paddingByteCount)
        return (header, Sample.encode(header) + data + padding)
    }

    @Test(arguments: [0, 1, 4, 4097])
    func slicesTheDataOfAWRITE(count: Int) throws {
        let (header, bytes) = Self.writeCall(dataByteCount: count)
        var buffer = ByteBuffer(bytes: [0xAA] + bytes)
        buffer.moveReaderIndex(forwardBy: 1)
        let arguments = try WRITE3Arguments(consuming: &buffer)
        #expect(arguments.header == header)
        #expect(
            Array(arguments.data.readableBytesView)
                == (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        )
        #expect(buffer.readableBytes == 0)
    }

    @Test func refusesEveryTruncationOfAWRITE() {
        let bytes = Self.writeCall(dataByteCount: 9).bytes
        for count in 0..<bytes.count {
            var buffer = ByteBuffer(bytes: bytes.prefix(count))
            #expect(throws: XDRError.self) { _ = try WRITE3Arguments(consuming: &buffer) }
            #expect(buffer.readableBytes == count)
        }
        var buffer = ByteBuffer(bytes: bytes + [UInt8](repeating: 0, count: 9))
        #expect(throws: XDRError.trailingBytes(count: 9)) {
            _ = try WRITE3Arguments(consuming: &buffer)
        }
    }

    @Test func survivesAnyWRITE() {
        let bytes = Self.writeCall(dataByteCount: 40).bytes
        var mutator = Mutator(seed: 4)
        for _ in 0..<20_000 {
            var buffer = ByteBuffer(bytes: mutator.mutate(bytes))
            guard let arguments = try? WRITE3Arguments(consuming: &buffer) else { continue }
            #expect(arguments.data.readableBytes == Int(arguments.header.dataByteCount))
        }
    }
}
