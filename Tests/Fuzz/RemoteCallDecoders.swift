import NFSExposure
import NFSProtocol
import NIOCore
import ONCRPC
import TestSupport

extension Decoder {
    /// What NFS clients send, and the file that says who they may be.
    static let remoteCallDecoders: [Decoder] = [
        records, calls, nfsArguments, exports,
    ]

    private static let call = RPCCall(
        xid: 0xDEAD_BEEF,
        program: 100_003,
        version: 3,
        procedure: 6,
        credential: .sys(
            AuthSys(machineName: "workstation", uid: 1000, gid: 100, groups: [4, 24, 27])
        )
    )

    private static var callSample: [UInt8] {
        var buffer = ByteBuffer()
        call.encode(into: &buffer)
        return Array(buffer.readableBytesView)
    }

    /// A stream of records in two parts.
    private static let records = Decoder(
        "RPC records",
        samples: [
            [0x80, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 4, 5, 6, 7, 8, 0x80, 0, 0, 4, 9, 10, 11, 12],
            [0x80, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8],
        ]
    ) { bytes, mutator in
        var decoder = RecordDecoder(maximumRecordSize: 300, maximumFragmentCount: 8)
        let cut = Int.random(in: 0...bytes.count, using: &mutator)
        var total = 0
        do throws(RecordError) {
            for part in [bytes[..<cut], bytes[cut...]] {
                decoder.append(ByteBuffer(bytes: part))
                while let record = try decoder.nextRecord() { total += record.readableBytes }
            }
        } catch {}
        try promise(total <= bytes.count, "records are longer than what came")
        return total > 0
    }

    private static let calls = Decoder("RPC call", samples: [callSample]) { bytes, _ in
        var record = ByteBuffer(bytes: bytes)
        return (try? RPCCall(consuming: &record)) != nil
    }

    /// Every kind of argument reads what was meant for any kind.
    private static let nfsArguments = Decoder(
        "NFS arguments",
        samples: Argument.all.map(\.bytes)
    ) { bytes, mutator in
        let argument = Argument.all[Int.random(in: Argument.all.indices, using: &mutator)]
        guard let recoded = argument.recode(bytes) else { return false }
        try promise(argument.recode(recoded) == recoded, "written again it is another value")
        return true
    }

    private static let exports = Decoder(
        "exports file",
        samples: [
            """
            # who may mount
            "/torrents" 10.0.0.0/8(ro,all_squash) \\
                *.example(rw) 192.168.0.1(ro,anonuid=65534,fsid=3)
            /torrents/films -ro @group node[1-9a]?.lan 2001:db8::/32
            """,
            "/torrents *(ro,sync,no_subtree_check)\n",
        ].map { Array($0.utf8) },
        alphabet: " \t\n\"\\#(),/*=-0:.[]?!@"
    ) { bytes, _ in
        guard let table = try? ExportFile.parse(bytes, file: "exports", resolve: { _ in [] }).table
        else { return false }
        let host = ClientHost(
            address: IPAddress(ipv4: 0x0a00_0001),
            names: ["node3x.lan", "a.b.example"],
            netgroups: table.netgroups
        )
        for export in table.exports { _ = export.options(for: host, port: 900) }
        return true
    }
}

/// A kind of argument, without its type, and one value of it.
private struct Argument: Sendable {
    let bytes: [UInt8]
    /// Decodes and encodes; `nil` for what is refused.
    let recode: @Sendable ([UInt8]) -> [UInt8]?

    init<Value: XDRCodable & Sendable>(_ value: Value) {
        bytes = Self.encode(value)
        recode = { bytes in
            (try? ByteBuffer(bytes: bytes).decodeArguments(Value.self)).map(Self.encode)
        }
    }

    private static func encode(_ value: some XDREncodable) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeXDR(value)
        return Array(buffer.readableBytesView)
    }

    static let all: [Argument] = {
        guard let handle = NFS3FileHandle((1...48).map { UInt8($0) }) else { return [] }
        let what = NFS3DirectoryOperation(directory: handle, name: Array("film.mkv".utf8))
        let attributes = NFS3SetAttributes(
            mode: 0o644,
            uid: 1,
            gid: 2,
            size: 3,
            accessTime: .serverTime,
            modificationTime: .clientTime(NFS3Time(seconds: 1))
        )
        return [
            Argument(GETATTR3Arguments(object: handle)),
            Argument(SETATTR3Arguments(object: handle, attributes: attributes)),
            Argument(LOOKUP3Arguments(what: what)),
            Argument(ACCESS3Arguments(object: handle, access: [.read])),
            Argument(READ3Arguments(file: handle, offset: .max, count: 1 << 20)),
            Argument(CREATE3Arguments(location: what, mode: .guarded(attributes))),
            Argument(MKDIR3Arguments(location: what, attributes: attributes)),
            Argument(
                SYMLINK3Arguments(location: what, attributes: attributes, path: Array("../a".utf8))
            ),
            Argument(MKNOD3Arguments(location: what, node: .socket(attributes))),
            Argument(RENAME3Arguments(from: what, to: what)),
            Argument(LINK3Arguments(file: handle, link: what)),
            Argument(READDIR3Arguments(directory: handle, cookie: 3, verifier: 4, count: 4096)),
            Argument(
                READDIRPLUS3Arguments(
                    directory: handle,
                    cookie: 3,
                    verifier: 4,
                    directoryCount: 512,
                    maximumCount: 4096
                )
            ),
            Argument(COMMIT3Arguments(file: handle, offset: 1 << 33, count: 0)),
            Argument(MountPath(path: Array("/torrents/films".utf8))),
        ]
    }()
}
