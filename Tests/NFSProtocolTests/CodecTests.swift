import NFSProtocol
import NIOCore
import ONCRPC
import TestSupport
import Testing

@Suite struct CodecTests {
    @Test(arguments: Sample.arguments + Sample.lockArguments + Sample.results)
    func readsWhatItWrites(sample: Sample) throws {
        #expect(sample.bytes.count % 4 == 0)
        #expect(try sample.decodesToItself())
        #expect(try sample.recode(sample.bytes) == sample.bytes)
    }

    @Test(arguments: Sample.arguments + Sample.lockArguments + Sample.results)
    func refusesEveryTruncation(sample: Sample) {
        for count in 0..<sample.bytes.count {
            #expect(throws: XDRError.self) {
                _ = try sample.recode(Array(sample.bytes.prefix(count)))
            }
        }
    }

    @Test(arguments: Sample.arguments + Sample.lockArguments)
    func toleratesEightBytesBehindArguments(sample: Sample) throws {
        let slack = [UInt8](repeating: 0xEE, count: 8)
        #expect(try sample.recode(sample.bytes + slack) == sample.bytes)
        #expect(throws: XDRError.trailingBytes(count: 9)) {
            _ = try sample.recode(sample.bytes + slack + [0])
        }
    }

    /// What decodes from damaged bytes is a value like any other: it can be encoded, and decodes
    /// to the same bytes again.
    @Test(arguments: Sample.arguments + Sample.lockArguments + Sample.results)
    func survivesAnyBytes(sample: Sample) throws {
        var mutator = Mutator(seed: UInt64(sample.bytes.count))
        let rounds = 60_000 / (Sample.arguments.count + Sample.results.count) + 1
        for _ in 0..<rounds {
            let bytes = mutator.mutate(sample.bytes)
            guard let recoded = try? sample.recode(bytes) else { continue }
            #expect(try sample.recode(recoded) == recoded)
        }
    }

    @Test func survivesAnyCallOfEveryProcedure() {
        var mutator = Mutator(seed: 3)
        for round in 0..<40_000 {
            let sample = Sample.arguments[round % Sample.arguments.count]
            let other = Sample.arguments[
                Int(mutator.next() % UInt64(Sample.arguments.count))
            ]
            _ = try? other.recode(mutator.mutate(sample.bytes))
        }
    }

    @Test func refusesAHandleAbove64Bytes() {
        #expect(NFS3FileHandle([UInt8](repeating: 1, count: 65)) == nil)
        var buffer = ByteBuffer(integer: 65 as UInt32)
        buffer.writeRepeatingByte(1, count: 68)
        #expect(throws: XDRError.tooLong(offset: 0, length: 65, limit: 64)) {
            try buffer.decodeArguments(GETATTR3Arguments.self)
        }
    }

    @Test(arguments: [0, 1, 31, 63, 64])
    func comparesHandlesByTheirBytes(count: Int) throws {
        let bytes = [UInt8](repeating: 7, count: count)
        let handle = try #require(NFS3FileHandle(bytes))
        #expect(handle.bytes == bytes)
        #expect(handle == NFS3FileHandle(bytes))
        #expect(handle.hashValue == NFS3FileHandle(bytes)?.hashValue)
        if count > 0 { #expect(handle != NFS3FileHandle(bytes.dropLast() + [8])) }
        if count < 64 { #expect(handle != NFS3FileHandle(bytes + [0])) }
    }

    @Test func refusesNamesBeyondTheirLimit() {
        let long = NFS3DirectoryOperation(
            directory: Values.handle,
            name: [UInt8](repeating: 65, count: 1025)
        )
        let bytes = ByteBuffer(bytes: Sample.encode(LOOKUP3Arguments(what: long)))
        #expect(throws: XDRError.tooLong(offset: 52, length: 1025, limit: 1024)) {
            try bytes.decodeArguments(LOOKUP3Arguments.self)
        }
    }

    @Test func numbersTheProceduresAsTheRFCDoes() {
        #expect(NFS3Procedure.allCases.map(\.rawValue) == Array(0...21))
        #expect(NFS3Procedure(rawValue: 22) == nil)
        #expect(MountProcedure.allCases.map(\.rawValue) == Array(0...5))
    }
}
