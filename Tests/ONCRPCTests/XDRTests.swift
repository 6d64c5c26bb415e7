import CTirpcSystem
import NIOCore
import ONCRPC
import TestSupport
import Testing

@Suite struct XDRTests {
    static func written(_ body: (inout XDRWriter) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeXDR(reserving: 1, body)
        return Array(buffer.readableBytesView)
    }

    @Test(arguments: 0...9)
    func agreesWithLibtirpcOnOpaqueData(count: Int) throws {
        let data = [UInt8](1...20).prefix(count)
        let ours = Self.written { $0.write(Array(data)) }
        var copy = data.map { CChar(bitPattern: $0) } + [0]
        let theirs = copy.withUnsafeMutableBufferPointer { copy in
            Oracle.encode { xdr in
                var base = copy.baseAddress
                var length = UInt32(count)
                return xdr_bytes(&xdr, &base, &length, 64) != 0
            }
        }
        #expect(ours == theirs)

        var buffer = ByteBuffer(bytes: ours)
        let read = try buffer.readXDR { (reader) throws(XDRError) in
            try reader.readBytes(limit: 64)
        }
        #expect(read == Array(data))
        #expect(buffer.readableBytes == 0)
    }

    @Test(arguments: [0, 1, 0x0102_0304_0506_0708, UInt64.max])
    func agreesWithLibtirpcOnNumbers(value: UInt64) throws {
        let ours = Self.written { writer in
            writer.write(UInt32(truncatingIfNeeded: value))
            writer.write(value)
            writer.write(value != 0)
        }
        let theirs = Oracle.encode { xdr in
            var word = UInt32(truncatingIfNeeded: value)
            var hyper = value
            var flag: Int32 = value == 0 ? 0 : 1
            return xdr_uint32_t(&xdr, &word) != 0 && xdr_uint64_t(&xdr, &hyper) != 0
                && xdr_bool(&xdr, &flag) != 0
        }
        #expect(ours == theirs)
        #expect(
            Oracle.decode(ours) { xdr in
                var word: UInt32 = 0
                var hyper: UInt64 = 0
                var flag: Int32 = 0
                return xdr_uint32_t(&xdr, &word) != 0 && xdr_uint64_t(&xdr, &hyper) != 0
                    && xdr_bool(&xdr, &flag) != 0 && hyper == value && (flag != 0) == (value != 0)
            }
        )
        var buffer = ByteBuffer(bytes: ours)
        try buffer.readXDR { (reader) throws(XDRError) in
            #expect(try reader.readUInt32() == UInt32(truncatingIfNeeded: value))
            #expect(try reader.readUInt64() == value)
            #expect(try reader.readBool() == (value != 0))
        }
    }

    @Test func writesZerosAsPaddingIntoDirtyMemory() {
        var buffer = ByteBuffer(repeating: 0xEE, count: 64)
        buffer.clear()
        buffer.writeXDR { $0.write([1, 2, 3, 4, 5]) }
        #expect(Array(buffer.readableBytesView) == [0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0])
    }

    @Test func readsAnyPadding() throws {
        var buffer = ByteBuffer(bytes: [0, 0, 0, 1, 42, 0xFF, 0xFF, 0xFF])
        let bytes = try buffer.readXDR { (reader) throws(XDRError) in
            try reader.readBytes(limit: 1)
        }
        #expect(bytes == [42])
    }

    @Test(arguments: [5, 1000, 0x7FFF_FFFF, 0xFFFF_FFFD, 0xFFFF_FFFF] as [UInt32])
    func refusesALengthAboveItsLimit(length: UInt32) {
        var buffer = ByteBuffer(integer: length)
        buffer.writeRepeatingByte(0, count: 64)
        #expect(throws: XDRError.tooLong(offset: 0, length: length, limit: 4)) {
            try buffer.readXDR { (reader) throws(XDRError) in try reader.readBytes(limit: 4) }
        }
        #expect(buffer.readableBytes == 68)
    }

    @Test(arguments: [65, 0xFFFF_FFFF] as [UInt32])
    func refusesALengthThatTheBytesDoNotHold(length: UInt32) {
        var buffer = ByteBuffer(integer: length)
        buffer.writeRepeatingByte(0, count: 64)
        #expect(throws: XDRError.truncated(offset: 4)) {
            try buffer.readXDR { (reader) throws(XDRError) in try reader.readBytes(limit: .max) }
        }
        // 64 bytes hold 16 words, whatever the array claims.
        #expect(throws: XDRError.truncated(offset: 68)) {
            try buffer.readXDR { (reader) throws(XDRError) in
                try reader.readArray(of: UInt32.self, limit: .max)
            }
        }
    }

    @Test func refusesABooleanThatIsNone() {
        var buffer = ByteBuffer(integer: 2 as UInt32)
        #expect(throws: XDRError.invalidValue(offset: 0, value: 2)) {
            try buffer.readXDR { (reader) throws(XDRError) in try reader.readBool() }
        }
    }

    @Test func toleratesALittleBehindArguments() throws {
        for extra in 0...16 {
            let buffer = ByteBuffer(repeating: 0, count: 4 + extra)
            if extra <= 8 {
                #expect(try buffer.decodeArguments(UInt32.self) == 0)
            } else {
                #expect(throws: XDRError.trailingBytes(count: extra)) {
                    try buffer.decodeArguments(UInt32.self)
                }
            }
        }
    }

    @Test func writesAgainWhereMemoryWasShort() {
        var rounds = 0
        var buffer = ByteBuffer()
        buffer.writeXDR(reserving: 8) { writer in
            rounds += 1
            for word in 0..<1000 as Range<UInt32> { writer.write(word) }
        }
        #expect(rounds == 2)
        #expect(buffer.readableBytes == 4000)
        #expect(buffer.getInteger(at: 3996, as: UInt32.self) == 999)
    }

    @Test func roundTripsListsAndOptionals() throws {
        var buffer = ByteBuffer()
        buffer.writeXDR { writer in
            writer.writeList([1, 2, 3] as [UInt64])
            (nil as UInt32?).encode(into: &writer)
            (5 as UInt32?).encode(into: &writer)
            writer.writeArray([6, 7] as [UInt32])
        }
        try buffer.readXDR { (reader) throws(XDRError) in
            #expect(try reader.readList(of: UInt64.self) == [1, 2, 3])
            #expect(try UInt32?(from: &reader) == nil)
            #expect(try UInt32?(from: &reader) == 5)
            #expect(try reader.readArray(of: UInt32.self, limit: 2) == [6, 7])
            try reader.finish(slack: 0)
        }
    }
}
