import NFSProtocol
import NIOCore
import ONCRPC

/// Bytes that are XDR already.
struct Raw: XDREncodable {
    let bytes: [UInt8]

    init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    func encode(into writer: inout XDRWriter) {
        bytes.withUnsafeBytes { writer.writeFixedOpaque($0) }
    }
}

/// One valid call of each procedure that has arguments.
enum AllCalls {
    struct Call {
        var program = ProgramNumber.nfs
        var version: UInt32 = 3
        let procedure: UInt32
        let arguments: [UInt8]
    }

    /// Those of NFS, MOUNT and locks.
    static func ofEveryProgram(for directory: NFS3FileHandle) -> [Call] {
        let nfs = arguments(for: directory).map { Call(procedure: $0, arguments: $1) }
        let path = encoded(MountPath(path: Array("/torrents/movies".utf8)))
        let mount = ([1, 3] as [UInt32]).flatMap { version in
            [MountProcedure.mount, .unmount].map {
                Call(
                    program: ProgramNumber.mount,
                    version: version,
                    procedure: $0.rawValue,
                    arguments: path
                )
            }
        }
        let lock = NLM4Lock(
            callerName: Array("guest".utf8),
            file: directory,
            owner: Array("1@guest".utf8),
            process: 1,
            offset: 0,
            length: 0
        )
        let locks: [(NLM4Procedure, [UInt8])] = [
            (.test, encoded(NLM4TestArguments(cookie: [5], isExclusive: true, lock: lock))),
            (
                .lock,
                encoded(
                    NLM4LockArguments(
                        cookie: [5],
                        blocks: false,
                        isExclusive: true,
                        lock: lock,
                        isReclaim: false,
                        state: 3
                    )
                )
            ),
            (.unlock, encoded(NLM4UnlockArguments(cookie: [5], lock: lock))),
            (.freeAll, encoded(NLM4Notice(callerName: Array("guest".utf8), state: 0))),
        ]
        return nfs + mount
            + locks.map {
                Call(
                    program: ProgramNumber.nlm,
                    version: 4,
                    procedure: $0.rawValue,
                    arguments: $1
                )
            }
    }

    static func arguments(for directory: NFS3FileHandle) -> [(UInt32, [UInt8])] {
        let what = NFS3DirectoryOperation(directory: directory, name: Array("x.txt".utf8))
        let attributes = NFS3SetAttributes(mode: 0o644)
        return [
            entry(.getAttributes, GETATTR3Arguments(object: directory)),
            entry(.setAttributes, SETATTR3Arguments(object: directory, attributes: attributes)),
            entry(.lookup, LOOKUP3Arguments(what: what)),
            entry(.access, ACCESS3Arguments(object: directory, access: .read)),
            entry(.readLink, READLINK3Arguments(link: directory)),
            entry(.read, READ3Arguments(file: directory, offset: 0, count: 10)),
            entry(
                .write,
                WRITE3Header(
                    file: directory,
                    offset: 0,
                    count: 0,
                    stability: .fileSync,
                    dataByteCount: 0
                )
            ),
            entry(.create, CREATE3Arguments(location: what, mode: .unchecked(attributes))),
            entry(.makeDirectory, MKDIR3Arguments(location: what, attributes: attributes)),
            entry(
                .symbolicLink,
                SYMLINK3Arguments(location: what, attributes: attributes, path: [0x61])
            ),
            entry(.makeNode, MKNOD3Arguments(location: what, node: .fifo(attributes))),
            entry(.remove, REMOVE3Arguments(object: what)),
            entry(.removeDirectory, RMDIR3Arguments(object: what)),
            entry(.rename, RENAME3Arguments(from: what, to: what)),
            entry(.link, LINK3Arguments(file: directory, link: what)),
            entry(
                .readDirectory,
                READDIR3Arguments(directory: directory, cookie: 0, verifier: 0, count: 4096)
            ),
            entry(
                .readDirectoryPlus,
                READDIRPLUS3Arguments(
                    directory: directory,
                    cookie: 0,
                    verifier: 0,
                    directoryCount: 4096,
                    maximumCount: 4096
                )
            ),
            entry(.fileSystemStatus, FSSTAT3Arguments(root: directory)),
            entry(.fileSystemInfo, FSINFO3Arguments(root: directory)),
            entry(.pathConfiguration, PATHCONF3Arguments(object: directory)),
            entry(.commit, COMMIT3Arguments(file: directory, offset: 0, count: 0)),
        ]
    }

    private static func entry(
        _ procedure: NFS3Procedure,
        _ arguments: some XDREncodable
    ) -> (UInt32, [UInt8]) {
        (procedure.rawValue, encoded(arguments))
    }

    private static func encoded(_ arguments: some XDREncodable) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeXDR(arguments)
        return Array(buffer.readableBytesView)
    }
}
