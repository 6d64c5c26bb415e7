package import ONCRPC

// FSSTAT, FSINFO and PATHCONF (RFC 1813 sections 3.3.18 to 3.3.20).

/// FSSTAT3args: { nfs_fh3 fsroot; }.
package struct FSSTAT3Arguments: Equatable, Sendable {
    package let root: NFS3FileHandle

    package init(root: NFS3FileHandle) {
        self.root = root
    }
}

extension FSSTAT3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        root = try NFS3FileHandle(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        root.encode(into: &writer)
    }
}

/// FSSTAT3resok: { post_op_attr obj_attributes; size3 tbytes; size3 fbytes; size3 abytes; size3
/// tfiles; size3 ffiles; size3 afiles; uint32 invarsec; }.
package struct FSSTAT3Success: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    package let totalBytes: UInt64
    package let freeBytes: UInt64
    /// Free to the caller.
    package let availableBytes: UInt64
    package let totalFiles: UInt64
    package let freeFiles: UInt64
    package let availableFiles: UInt64
    /// Seconds for which nothing of this changes.
    package let invariantSeconds: UInt32

    package init(
        attributes: NFS3FileAttributes?,
        totalBytes: UInt64,
        freeBytes: UInt64,
        availableBytes: UInt64,
        totalFiles: UInt64,
        freeFiles: UInt64,
        availableFiles: UInt64,
        invariantSeconds: UInt32
    ) {
        self.attributes = attributes
        self.totalBytes = totalBytes
        self.freeBytes = freeBytes
        self.availableBytes = availableBytes
        self.totalFiles = totalFiles
        self.freeFiles = freeFiles
        self.availableFiles = availableFiles
        self.invariantSeconds = invariantSeconds
    }
}

extension FSSTAT3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        totalBytes = try reader.readUInt64()
        freeBytes = try reader.readUInt64()
        availableBytes = try reader.readUInt64()
        totalFiles = try reader.readUInt64()
        freeFiles = try reader.readUInt64()
        availableFiles = try reader.readUInt64()
        invariantSeconds = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        writer.write(totalBytes)
        writer.write(freeBytes)
        writer.write(availableBytes)
        writer.write(totalFiles)
        writer.write(freeFiles)
        writer.write(availableFiles)
        writer.write(invariantSeconds)
    }
}

/// FSSTAT3res; resfail: { post_op_attr obj_attributes; }.
package typealias FSSTAT3Result = NFS3Result<FSSTAT3Success, NFS3FileAttributes?>

/// FSINFO3args: { nfs_fh3 fsroot; }.
package struct FSINFO3Arguments: Equatable, Sendable {
    package let root: NFS3FileHandle

    package init(root: NFS3FileHandle) {
        self.root = root
    }
}

extension FSINFO3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        root = try NFS3FileHandle(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        root.encode(into: &writer)
    }
}

/// The properties that FSINFO tells.
package struct NFS3Properties: OptionSet, Hashable, Sendable {
    package static let hardLinks = NFS3Properties(rawValue: 0x01)  // FSF3_LINK
    package static let symbolicLinks = NFS3Properties(rawValue: 0x02)  // FSF3_SYMLINK
    /// PATHCONF is the same for the whole file system.
    package static let homogeneous = NFS3Properties(rawValue: 0x08)  // FSF3_HOMOGENEOUS
    package static let canSetTime = NFS3Properties(rawValue: 0x10)  // FSF3_CANSETTIME

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

extension NFS3Properties: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        self.init(rawValue: try reader.readUInt32())
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(rawValue)
    }
}

/// FSINFO3resok: { post_op_attr obj_attributes; uint32 rtmax; uint32 rtpref; uint32 rtmult; uint32
/// wtmax; uint32 wtpref; uint32 wtmult; uint32 dtpref; size3 maxfilesize; nfstime3 time_delta;
/// uint32 properties; }.
package struct FSINFO3Success: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    /// Bytes, as all sizes here.
    package let maximumRead: UInt32
    package let preferredRead: UInt32
    package let readMultiple: UInt32
    package let maximumWrite: UInt32
    package let preferredWrite: UInt32
    package let writeMultiple: UInt32
    package let preferredReadDirectory: UInt32
    package let maximumFileSize: UInt64
    package let timeGranularity: NFS3Time
    package let properties: NFS3Properties

    package init(
        attributes: NFS3FileAttributes?,
        maximumRead: UInt32,
        preferredRead: UInt32,
        readMultiple: UInt32,
        maximumWrite: UInt32,
        preferredWrite: UInt32,
        writeMultiple: UInt32,
        preferredReadDirectory: UInt32,
        maximumFileSize: UInt64,
        timeGranularity: NFS3Time,
        properties: NFS3Properties
    ) {
        self.attributes = attributes
        self.maximumRead = maximumRead
        self.preferredRead = preferredRead
        self.readMultiple = readMultiple
        self.maximumWrite = maximumWrite
        self.preferredWrite = preferredWrite
        self.writeMultiple = writeMultiple
        self.preferredReadDirectory = preferredReadDirectory
        self.maximumFileSize = maximumFileSize
        self.timeGranularity = timeGranularity
        self.properties = properties
    }
}

extension FSINFO3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        maximumRead = try reader.readUInt32()
        preferredRead = try reader.readUInt32()
        readMultiple = try reader.readUInt32()
        maximumWrite = try reader.readUInt32()
        preferredWrite = try reader.readUInt32()
        writeMultiple = try reader.readUInt32()
        preferredReadDirectory = try reader.readUInt32()
        maximumFileSize = try reader.readUInt64()
        timeGranularity = try NFS3Time(from: &reader)
        properties = try NFS3Properties(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        writer.write(maximumRead)
        writer.write(preferredRead)
        writer.write(readMultiple)
        writer.write(maximumWrite)
        writer.write(preferredWrite)
        writer.write(writeMultiple)
        writer.write(preferredReadDirectory)
        writer.write(maximumFileSize)
        timeGranularity.encode(into: &writer)
        properties.encode(into: &writer)
    }
}

/// FSINFO3res; resfail: { post_op_attr obj_attributes; }.
package typealias FSINFO3Result = NFS3Result<FSINFO3Success, NFS3FileAttributes?>

/// PATHCONF3args: { nfs_fh3 object; }.
package struct PATHCONF3Arguments: Equatable, Sendable {
    package let object: NFS3FileHandle

    package init(object: NFS3FileHandle) {
        self.object = object
    }
}

extension PATHCONF3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        object = try NFS3FileHandle(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        object.encode(into: &writer)
    }
}

/// PATHCONF3resok: { post_op_attr obj_attributes; uint32 linkmax; uint32 name_max; bool no_trunc;
/// bool chown_restricted; bool case_insensitive; bool case_preserving; }.
package struct PATHCONF3Success: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    package let maximumLinks: UInt32
    /// Bytes.
    package let maximumName: UInt32
    /// Longer names are refused, not shortened.
    package let refusesLongNames: Bool
    package let restrictsOwnerChange: Bool
    package let isCaseInsensitive: Bool
    package let isCasePreserving: Bool

    package init(
        attributes: NFS3FileAttributes?,
        maximumLinks: UInt32,
        maximumName: UInt32,
        refusesLongNames: Bool,
        restrictsOwnerChange: Bool,
        isCaseInsensitive: Bool,
        isCasePreserving: Bool
    ) {
        self.attributes = attributes
        self.maximumLinks = maximumLinks
        self.maximumName = maximumName
        self.refusesLongNames = refusesLongNames
        self.restrictsOwnerChange = restrictsOwnerChange
        self.isCaseInsensitive = isCaseInsensitive
        self.isCasePreserving = isCasePreserving
    }
}

extension PATHCONF3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        maximumLinks = try reader.readUInt32()
        maximumName = try reader.readUInt32()
        refusesLongNames = try reader.readBool()
        restrictsOwnerChange = try reader.readBool()
        isCaseInsensitive = try reader.readBool()
        isCasePreserving = try reader.readBool()
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        writer.write(maximumLinks)
        writer.write(maximumName)
        writer.write(refusesLongNames)
        writer.write(restrictsOwnerChange)
        writer.write(isCaseInsensitive)
        writer.write(isCasePreserving)
    }
}

/// PATHCONF3res; resfail: { post_op_attr obj_attributes; }.
package typealias PATHCONF3Result = NFS3Result<PATHCONF3Success, NFS3FileAttributes?>
