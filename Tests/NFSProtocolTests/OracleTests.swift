import CTirpcSystem
import NFSProtocol
import NIOCore
import ONCRPC
import TestSupport
import Testing

/// The layouts of RFC 1813, spelled out in calls of libtirpc.
@Suite struct OracleTests {
    static func word(_ xdr: inout XDR, _ value: UInt32) -> Bool {
        var value = value
        return xdr_uint32_t(&xdr, &value) != 0
    }

    static func hyper(_ xdr: inout XDR, _ value: UInt64) -> Bool {
        var value = value
        return xdr_uint64_t(&xdr, &value) != 0
    }

    static func bytes(_ xdr: inout XDR, _ value: [UInt8]) -> Bool {
        var copy = value.map { CChar(bitPattern: $0) }
        return copy.withUnsafeMutableBufferPointer { copy in
            var base = copy.baseAddress
            var count = UInt32(copy.count)
            return xdr_bytes(&xdr, &base, &count, 1024) != 0
        }
    }

    static func time(_ xdr: inout XDR, _ value: NFS3Time) -> Bool {
        word(&xdr, value.seconds) && word(&xdr, value.nanoseconds)
    }

    static func attributes(_ xdr: inout XDR, _ value: NFS3FileAttributes) -> Bool {
        word(&xdr, value.type.rawValue) && word(&xdr, value.mode) && word(&xdr, value.linkCount)
            && word(&xdr, value.uid) && word(&xdr, value.gid) && hyper(&xdr, value.size)
            && hyper(&xdr, value.used) && word(&xdr, value.device.major)
            && word(&xdr, value.device.minor) && hyper(&xdr, value.fileSystemID)
            && hyper(&xdr, value.fileID) && time(&xdr, value.accessTime)
            && time(&xdr, value.modificationTime) && time(&xdr, value.changeTime)
    }

    @Test func agreesOnLOOKUP() {
        #expect(
            Sample.encode(LOOKUP3Arguments(what: Values.other))
                == Oracle.encode { xdr in
                    Self.bytes(&xdr, Values.other.directory.bytes)
                        && Self.bytes(&xdr, Values.other.name)
                }
        )
        let success = LOOKUP3Success(
            object: Values.handle,
            attributes: Values.attributes,
            directoryAttributes: nil
        )
        #expect(
            Sample.encode(LOOKUP3Result.success(success))
                == Oracle.encode { xdr in
                    Self.word(&xdr, 0) && Self.bytes(&xdr, Values.handle.bytes)
                        && Self.word(&xdr, 1) && Self.attributes(&xdr, Values.attributes)
                        && Self.word(&xdr, 0)
                }
        )
    }

    @Test func agreesOnREAD() {
        let header = READ3Header(attributes: Values.attributes, count: 4096, isEndOfFile: true)
        #expect(
            Sample.encode(READ3Result.success(header))
                == Oracle.encode { xdr in
                    Self.word(&xdr, 0) && Self.word(&xdr, 1)
                        && Self.attributes(&xdr, Values.attributes) && Self.word(&xdr, 4096)
                        && Self.word(&xdr, 1) && Self.word(&xdr, 4096)
                }
        )
    }

    @Test func agreesOnSETATTR() {
        let arguments = SETATTR3Arguments(
            object: Values.handle,
            attributes: Values.setAttributes,
            guardTime: Values.time
        )
        #expect(
            Sample.encode(arguments)
                == Oracle.encode { xdr in
                    Self.bytes(&xdr, Values.handle.bytes)
                        && [1, 0o644, 1, 1, 1, 2, 1].allSatisfy { Self.word(&xdr, $0) }
                        && Self.hyper(&xdr, 3) && Self.word(&xdr, 1) && Self.word(&xdr, 2)
                        && Self.time(&xdr, Values.time) && Self.word(&xdr, 1)
                        && Self.time(&xdr, Values.time)
                }
        )
    }

    @Test func agreesOnREADDIR() {
        let arguments = READDIR3Arguments(
            directory: Values.handle,
            cookie: 1 << 30,
            verifier: .max,
            count: 8192
        )
        #expect(
            Sample.encode(arguments)
                == Oracle.encode { xdr in
                    Self.bytes(&xdr, Values.handle.bytes) && Self.hyper(&xdr, 1 << 30)
                        && Self.hyper(&xdr, .max) && Self.word(&xdr, 8192)
                }
        )
    }

    @Test func readsWhatLibtirpcWrites() throws {
        let bytes = try #require(
            Oracle.encode { xdr in
                Self.word(&xdr, 0) && Self.attributes(&xdr, Values.attributes)
            }
        )
        #expect(
            try ByteBuffer(bytes: bytes).decodeArguments(GETATTR3Result.self, slack: 0)
                == .success(Values.attributes)
        )
        #expect(
            Oracle.decode(bytes) { xdr in
                var status: UInt32 = 1
                var type: UInt32 = 0
                return xdr_uint32_t(&xdr, &status) != 0 && xdr_uint32_t(&xdr, &type) != 0
                    && status == 0 && type == NFS3FileType.regular.rawValue
            }
        )
    }

    @Test func agreesOnTheListsOfMOUNT() {
        let exports = ExportList(entries: [
            ExportEntry(directory: [0x2F], groups: [MountGroup(name: Array("host".utf8))])
        ])
        #expect(
            Sample.encode(exports)
                == Oracle.encode { xdr in
                    Self.word(&xdr, 1) && Self.bytes(&xdr, [0x2F]) && Self.word(&xdr, 1)
                        && Self.bytes(&xdr, Array("host".utf8)) && Self.word(&xdr, 0)
                        && Self.word(&xdr, 0)
                }
        )
    }
}
