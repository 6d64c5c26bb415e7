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
        var buffer = ByteBuffer()
        buffer.writeXDR(arguments)
        return (procedure.rawValue, Array(buffer.readableBytesView))
    }
}
