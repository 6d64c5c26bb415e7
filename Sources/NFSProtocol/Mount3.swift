package import ONCRPC

/// The procedures of program 100005, versions 1 and 3 (RFC 1813 section 5.2, RFC 1094 appendix A).
package enum MountProcedure: UInt32, CaseIterable, Sendable {
    case null = 0  // MOUNTPROC3_NULL
    case mount = 1  // MOUNTPROC3_MNT
    case dump = 2  // MOUNTPROC3_DUMP
    case unmount = 3  // MOUNTPROC3_UMNT
    case unmountAll = 4  // MOUNTPROC3_UMNTALL
    case export = 5  // MOUNTPROC3_EXPORT
}

/// mountstat3 (RFC 1813 section 5.1.5).
package enum MountStatus: UInt32, Error, Sendable {
    case ok = 0  // MNT3_OK
    case notOwner = 1  // MNT3ERR_PERM
    case noEntry = 2  // MNT3ERR_NOENT
    case io = 5  // MNT3ERR_IO
    case accessDenied = 13  // MNT3ERR_ACCES
    case notDirectory = 20  // MNT3ERR_NOTDIR
    case invalidArgument = 22  // MNT3ERR_INVAL
    case nameTooLong = 63  // MNT3ERR_NAMETOOLONG
    case notSupported = 10004  // MNT3ERR_NOTSUPP
    case serverFault = 10006  // MNT3ERR_SERVERFAULT
}

/// dirpath: string<MNTPATHLEN>, the argument of MNT and UMNT.
///
/// The other procedures have none.
package struct MountPath: Equatable, Sendable {
    package let path: [UInt8]

    package init(path: [UInt8]) {
        self.path = path
    }
}

extension MountPath: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        path = try reader.readBytes(limit: MountLimit.pathByteCount)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(path)
    }
}

/// mountres3: union switch (mountstat3 fhs_status) { case MNT3_OK: mountres3_ok; default: void; },
/// the former { fhandle3 fhandle; int auth_flavors<>; }.
package enum Mount3Result: Equatable, Sendable {
    case success(NFS3FileHandle, authFlavors: [UInt32])
    case failure(MountStatus)
}

extension Mount3Result: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        let status = try reader.readEnum(MountStatus.self)
        guard status == .ok else {
            self = .failure(status)
            return
        }
        self = .success(
            try NFS3FileHandle(from: &reader),
            authFlavors: try reader.readArray(
                of: UInt32.self,
                limit: MountLimit.authFlavorCount
            )
        )
    }

    package func encode(into writer: inout XDRWriter) {
        switch self {
        case .success(let handle, let authFlavors):
            writer.write(MountStatus.ok.rawValue)
            handle.encode(into: &writer)
            writer.writeArray(authFlavors)
        case .failure(let status):
            writer.write(status.rawValue)
        }
    }
}

/// fhstatus of MOUNT version 1: union switch (unsigned status) { case 0: fhandle directory;
/// default: void; } (RFC 1094 appendix A.3).
package enum Mount1Result: Equatable, Sendable {
    /// A handle of exactly 32 bytes.
    case success(NFS3FileHandle)
    /// An errno, whose numbers are those of ``MountStatus``.
    case failure(UInt32)
}

extension Mount1Result: XDRCodable {
    private static let handleByteCount = 32  // FHSIZE

    package init(from reader: inout XDRReader) throws(XDRError) {
        let status = try reader.readUInt32()
        guard status == 0 else {
            self = .failure(status)
            return
        }
        let offset = reader.offset
        let bytes = try reader.readFixedOpaque(count: Self.handleByteCount)
        guard let handle = NFS3FileHandle(bytes) else { throw .truncated(offset: offset) }
        self = .success(handle)
    }

    package func encode(into writer: inout XDRWriter) {
        switch self {
        case .success(let handle):
            precondition(handle.count == Self.handleByteCount, "MOUNT 1 has 32 byte handles.")
            writer.write(0 as UInt32)
            handle.withUnsafeBytes { writer.writeFixedOpaque($0) }
        case .failure(let status):
            writer.write(status)
        }
    }
}

/// mountbody: { name ml_hostname; dirpath ml_directory; mountlist ml_next; }.
package struct MountEntry: Equatable, Sendable {
    package let hostName: [UInt8]
    package let directory: [UInt8]

    package init(hostName: [UInt8], directory: [UInt8]) {
        self.hostName = hostName
        self.directory = directory
    }
}

extension MountEntry: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        hostName = try reader.readBytes(limit: MountLimit.nameByteCount)
        directory = try reader.readBytes(limit: MountLimit.pathByteCount)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(hostName)
        writer.write(directory)
    }
}

/// mountlist, the result of DUMP.
package struct MountList: Equatable, Sendable {
    package let entries: [MountEntry]

    package init(entries: [MountEntry]) {
        self.entries = entries
    }
}

extension MountList: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        entries = try reader.readList(of: MountEntry.self)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.writeList(entries)
    }
}

/// groupnode: { name gr_name; groups gr_next; }.
package struct MountGroup: Equatable, Sendable {
    package let name: [UInt8]

    package init(name: [UInt8]) {
        self.name = name
    }
}

extension MountGroup: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        name = try reader.readBytes(limit: MountLimit.nameByteCount)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(name)
    }
}

/// exportnode: { dirpath ex_dir; groups ex_groups; exports ex_next; }.
package struct ExportEntry: Equatable, Sendable {
    package let directory: [UInt8]
    /// Who may mount it; none: everyone.
    package let groups: [MountGroup]

    package init(directory: [UInt8], groups: [MountGroup]) {
        self.directory = directory
        self.groups = groups
    }
}

extension ExportEntry: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        directory = try reader.readBytes(limit: MountLimit.pathByteCount)
        groups = try reader.readList(of: MountGroup.self)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(directory)
        writer.writeList(groups)
    }
}

/// exports, the result of EXPORT.
package struct ExportList: Equatable, Sendable {
    package let entries: [ExportEntry]

    package init(entries: [ExportEntry]) {
        self.entries = entries
    }
}

extension ExportList: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        entries = try reader.readList(of: ExportEntry.self)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.writeList(entries)
    }
}

/// What RFC 1813 section 5.1.1 allows, in bytes; and what it leaves open.
package enum MountLimit {
    package static let pathByteCount = 1024  // MNTPATHLEN
    package static let nameByteCount = 255  // MNTNAMLEN
    package static let authFlavorCount = 32
}
