package import ONCRPC

// The data types of RFC 1813 section 2.5 and the structures of 2.6, in their order.

/// ftype3.
package enum NFS3FileType: UInt32, Sendable {
    case regular = 1  // NF3REG
    case directory = 2  // NF3DIR
    case blockDevice = 3  // NF3BLK
    case characterDevice = 4  // NF3CHR
    case symbolicLink = 5  // NF3LNK
    case socket = 6  // NF3SOCK
    case fifo = 7  // NF3FIFO
}

/// specdata3: { uint32 specdata1; uint32 specdata2; }.
package struct NFS3DeviceNumber: Equatable, Sendable {
    package let major: UInt32
    package let minor: UInt32

    package init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }
}

extension NFS3DeviceNumber: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        major = try reader.readUInt32()
        minor = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(major)
        writer.write(minor)
    }
}

/// nfstime3: { uint32 seconds; uint32 nseconds; }, since 1970.
package struct NFS3Time: Equatable, Sendable {
    package let seconds: UInt32
    /// Below 10^9.
    package let nanoseconds: UInt32

    package init(seconds: UInt32, nanoseconds: UInt32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

extension NFS3Time: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        seconds = try reader.readUInt32()
        nanoseconds = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(seconds)
        writer.write(nanoseconds)
    }
}

/// fattr3: { ftype3 type; mode3 mode; uint32 nlink; uid3 uid; gid3 gid; size3 size; size3 used;
/// specdata3 rdev; uint64 fsid; fileid3 fileid; nfstime3 atime; nfstime3 mtime; nfstime3 ctime; }.
///
/// post_op_attr is this as an optional: union switch (bool attributes_follow).
package struct NFS3FileAttributes: Equatable, Sendable {
    package var type: NFS3FileType
    /// Permission bits only.
    package var mode: UInt32
    package var linkCount: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// Bytes.
    package var size: UInt64
    /// Bytes of disk.
    package var used: UInt64
    package var device: NFS3DeviceNumber
    package var fileSystemID: UInt64
    package var fileID: UInt64
    package var accessTime: NFS3Time
    package var modificationTime: NFS3Time
    package var changeTime: NFS3Time

    package init(
        type: NFS3FileType,
        mode: UInt32,
        linkCount: UInt32,
        uid: UInt32,
        gid: UInt32,
        size: UInt64,
        used: UInt64,
        device: NFS3DeviceNumber = NFS3DeviceNumber(major: 0, minor: 0),
        fileSystemID: UInt64,
        fileID: UInt64,
        accessTime: NFS3Time,
        modificationTime: NFS3Time,
        changeTime: NFS3Time
    ) {
        self.type = type
        self.mode = mode
        self.linkCount = linkCount
        self.uid = uid
        self.gid = gid
        self.size = size
        self.used = used
        self.device = device
        self.fileSystemID = fileSystemID
        self.fileID = fileID
        self.accessTime = accessTime
        self.modificationTime = modificationTime
        self.changeTime = changeTime
    }
}

extension NFS3FileAttributes: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        type = try reader.readEnum(NFS3FileType.self)
        mode = try reader.readUInt32()
        linkCount = try reader.readUInt32()
        uid = try reader.readUInt32()
        gid = try reader.readUInt32()
        size = try reader.readUInt64()
        used = try reader.readUInt64()
        device = try NFS3DeviceNumber(from: &reader)
        fileSystemID = try reader.readUInt64()
        fileID = try reader.readUInt64()
        accessTime = try NFS3Time(from: &reader)
        modificationTime = try NFS3Time(from: &reader)
        changeTime = try NFS3Time(from: &reader)
    }

    /// Bytes of a fattr3.
    static let encodedByteCount = 84

    /// At once, and not word by word: listings are mostly attributes.
    package func encode(into writer: inout XDRWriter) {
        writer.writeFixedOpaque(byteCount: Self.encodedByteCount) { bytes in
            func store(_ value: UInt32, _ offset: Int) {
                bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
            }
            func store(_ value: UInt64, _ offset: Int) {
                bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
            }
            store(type.rawValue, 0)
            store(mode, 4)
            store(linkCount, 8)
            store(uid, 12)
            store(gid, 16)
            store(size, 20)
            store(used, 28)
            store(device.major, 36)
            store(device.minor, 40)
            store(fileSystemID, 44)
            store(fileID, 52)
            store(accessTime.seconds, 60)
            store(accessTime.nanoseconds, 64)
            store(modificationTime.seconds, 68)
            store(modificationTime.nanoseconds, 72)
            store(changeTime.seconds, 76)
            store(changeTime.nanoseconds, 80)
        }
    }
}

/// wcc_attr: { size3 size; nfstime3 mtime; nfstime3 ctime; }.
package struct NFS3WeakCacheAttributes: Equatable, Sendable {
    package let size: UInt64
    package let modificationTime: NFS3Time
    package let changeTime: NFS3Time

    package init(size: UInt64, modificationTime: NFS3Time, changeTime: NFS3Time) {
        self.size = size
        self.modificationTime = modificationTime
        self.changeTime = changeTime
    }
}

extension NFS3WeakCacheAttributes: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        size = try reader.readUInt64()
        modificationTime = try NFS3Time(from: &reader)
        changeTime = try NFS3Time(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(size)
        modificationTime.encode(into: &writer)
        changeTime.encode(into: &writer)
    }
}

/// wcc_data: { pre_op_attr before; post_op_attr after; }.
package struct NFS3WeakCacheData: Equatable, Sendable {
    package let before: NFS3WeakCacheAttributes?
    package let after: NFS3FileAttributes?

    package init(before: NFS3WeakCacheAttributes? = nil, after: NFS3FileAttributes? = nil) {
        self.before = before
        self.after = after
    }
}

extension NFS3WeakCacheData: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        before = try NFS3WeakCacheAttributes?(from: &reader)
        after = try NFS3FileAttributes?(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        before.encode(into: &writer)
        after.encode(into: &writer)
    }
}

/// diropargs3: { nfs_fh3 dir; filename3 name; }.
package struct NFS3DirectoryOperation: Equatable, Sendable {
    package let directory: NFS3FileHandle
    package let name: [UInt8]

    package init(directory: NFS3FileHandle, name: [UInt8]) {
        self.directory = directory
        self.name = name
    }
}

extension NFS3DirectoryOperation: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        directory = try NFS3FileHandle(from: &reader)
        name = try reader.readBytes(limit: NFS3Limit.nameByteCount)
    }

    package func encode(into writer: inout XDRWriter) {
        directory.encode(into: &writer)
        writer.write(name)
    }
}

/// RFC 1813 bounds neither names nor paths.
///
/// Longer ones than these do not decode; what is longer than a server allows and shorter than this
/// is NFS3ERR_NAMETOOLONG.
package enum NFS3Limit {
    package static let nameByteCount = 1024
    package static let pathByteCount = 4096
}
