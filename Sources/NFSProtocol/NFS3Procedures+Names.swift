package import ONCRPC

// LOOKUP and the procedures that change directories: CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR,
// RENAME and LINK (RFC 1813 sections 3.3.3, 3.3.8 to 3.3.15).

/// LOOKUP3args: { diropargs3 what; }.
package struct LOOKUP3Arguments: Equatable, Sendable {
    package let what: NFS3DirectoryOperation

    package init(what: NFS3DirectoryOperation) {
        self.what = what
    }
}

extension LOOKUP3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        what = try NFS3DirectoryOperation(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        what.encode(into: &writer)
    }
}

/// LOOKUP3resok: { nfs_fh3 object; post_op_attr obj_attributes; post_op_attr dir_attributes; }.
package struct LOOKUP3Success: Equatable, Sendable {
    package let object: NFS3FileHandle
    package let attributes: NFS3FileAttributes?
    package let directoryAttributes: NFS3FileAttributes?

    package init(
        object: NFS3FileHandle,
        attributes: NFS3FileAttributes?,
        directoryAttributes: NFS3FileAttributes?
    ) {
        self.object = object
        self.attributes = attributes
        self.directoryAttributes = directoryAttributes
    }
}

extension LOOKUP3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        object = try NFS3FileHandle(from: &reader)
        attributes = try NFS3FileAttributes?(from: &reader)
        directoryAttributes = try NFS3FileAttributes?(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        object.encode(into: &writer)
        attributes.encode(into: &writer)
        directoryAttributes.encode(into: &writer)
    }
}

/// LOOKUP3res; resfail: { post_op_attr dir_attributes; }.
package typealias LOOKUP3Result = NFS3Result<LOOKUP3Success, NFS3FileAttributes?>

/// CREATE3args: { diropargs3 where; createhow3 how; }.
package struct CREATE3Arguments: Equatable, Sendable {
    package let location: NFS3DirectoryOperation
    package let mode: NFS3CreateMode

    package init(location: NFS3DirectoryOperation, mode: NFS3CreateMode) {
        self.location = location
        self.mode = mode
    }
}

extension CREATE3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        location = try NFS3DirectoryOperation(from: &reader)
        mode = try NFS3CreateMode(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        location.encode(into: &writer)
        mode.encode(into: &writer)
    }
}

/// CREATE3resok, MKDIR3resok, SYMLINK3resok and MKNOD3resok: { post_op_fh3 obj; post_op_attr
/// obj_attributes; wcc_data dir_wcc; }.
package struct NFS3CreationSuccess: Equatable, Sendable {
    package let object: NFS3FileHandle?
    package let attributes: NFS3FileAttributes?
    package let directoryChange: NFS3WeakCacheData

    package init(
        object: NFS3FileHandle?,
        attributes: NFS3FileAttributes?,
        directoryChange: NFS3WeakCacheData
    ) {
        self.object = object
        self.attributes = attributes
        self.directoryChange = directoryChange
    }
}

extension NFS3CreationSuccess: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        object = try NFS3FileHandle?(from: &reader)
        attributes = try NFS3FileAttributes?(from: &reader)
        directoryChange = try NFS3WeakCacheData(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        object.encode(into: &writer)
        attributes.encode(into: &writer)
        directoryChange.encode(into: &writer)
    }
}

/// CREATE3res, MKDIR3res, SYMLINK3res and MKNOD3res; resfail: { wcc_data dir_wcc; }.
package typealias NFS3CreationResult = NFS3Result<NFS3CreationSuccess, NFS3WeakCacheData>

/// MKDIR3args: { diropargs3 where; sattr3 attributes; }.
package struct MKDIR3Arguments: Equatable, Sendable {
    package let location: NFS3DirectoryOperation
    package let attributes: NFS3SetAttributes

    package init(location: NFS3DirectoryOperation, attributes: NFS3SetAttributes) {
        self.location = location
        self.attributes = attributes
    }
}

extension MKDIR3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        location = try NFS3DirectoryOperation(from: &reader)
        attributes = try NFS3SetAttributes(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        location.encode(into: &writer)
        attributes.encode(into: &writer)
    }
}

/// SYMLINK3args: { diropargs3 where; symlinkdata3 symlink; }, the latter { sattr3
/// symlink_attributes; nfspath3 symlink_data; }.
package struct SYMLINK3Arguments: Equatable, Sendable {
    package let location: NFS3DirectoryOperation
    package let attributes: NFS3SetAttributes
    package let path: [UInt8]

    package init(location: NFS3DirectoryOperation, attributes: NFS3SetAttributes, path: [UInt8]) {
        self.location = location
        self.attributes = attributes
        self.path = path
    }
}

extension SYMLINK3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        location = try NFS3DirectoryOperation(from: &reader)
        attributes = try NFS3SetAttributes(from: &reader)
        path = try reader.readBytes(limit: NFS3Limit.pathByteCount)
    }

    package func encode(into writer: inout XDRWriter) {
        location.encode(into: &writer)
        attributes.encode(into: &writer)
        writer.write(path)
    }
}

/// MKNOD3args: { diropargs3 where; mknoddata3 what; }.
package struct MKNOD3Arguments: Equatable, Sendable {
    package let location: NFS3DirectoryOperation
    package let node: NFS3NodeData

    package init(location: NFS3DirectoryOperation, node: NFS3NodeData) {
        self.location = location
        self.node = node
    }
}

extension MKNOD3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        location = try NFS3DirectoryOperation(from: &reader)
        node = try NFS3NodeData(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        location.encode(into: &writer)
        node.encode(into: &writer)
    }
}

/// REMOVE3args and RMDIR3args: { diropargs3 object; }.
package struct REMOVE3Arguments: Equatable, Sendable {
    package let object: NFS3DirectoryOperation

    package init(object: NFS3DirectoryOperation) {
        self.object = object
    }
}

extension REMOVE3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        object = try NFS3DirectoryOperation(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        object.encode(into: &writer)
    }
}

package typealias RMDIR3Arguments = REMOVE3Arguments

/// REMOVE3res and RMDIR3res: { wcc_data dir_wcc; } in both arms.
package typealias REMOVE3Result = NFS3Result<NFS3WeakCacheData, NFS3WeakCacheData>
package typealias RMDIR3Result = REMOVE3Result

/// RENAME3args: { diropargs3 from; diropargs3 to; }.
package struct RENAME3Arguments: Equatable, Sendable {
    package let from: NFS3DirectoryOperation
    package let to: NFS3DirectoryOperation

    package init(from: NFS3DirectoryOperation, to: NFS3DirectoryOperation) {
        self.from = from
        self.to = to
    }
}

extension RENAME3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        from = try NFS3DirectoryOperation(from: &reader)
        to = try NFS3DirectoryOperation(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        from.encode(into: &writer)
        to.encode(into: &writer)
    }
}

/// RENAME3resok and RENAME3resfail: { wcc_data fromdir_wcc; wcc_data todir_wcc; }.
package struct RENAME3Change: Equatable, Sendable {
    package let fromDirectory: NFS3WeakCacheData
    package let toDirectory: NFS3WeakCacheData

    package init(fromDirectory: NFS3WeakCacheData, toDirectory: NFS3WeakCacheData) {
        self.fromDirectory = fromDirectory
        self.toDirectory = toDirectory
    }
}

extension RENAME3Change: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        fromDirectory = try NFS3WeakCacheData(from: &reader)
        toDirectory = try NFS3WeakCacheData(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        fromDirectory.encode(into: &writer)
        toDirectory.encode(into: &writer)
    }
}

package typealias RENAME3Result = NFS3Result<RENAME3Change, RENAME3Change>

/// LINK3args: { nfs_fh3 file; diropargs3 link; }.
package struct LINK3Arguments: Equatable, Sendable {
    package let file: NFS3FileHandle
    package let link: NFS3DirectoryOperation

    package init(file: NFS3FileHandle, link: NFS3DirectoryOperation) {
        self.file = file
        self.link = link
    }
}

extension LINK3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFS3FileHandle(from: &reader)
        link = try NFS3DirectoryOperation(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        file.encode(into: &writer)
        link.encode(into: &writer)
    }
}

/// LINK3resok and LINK3resfail: { post_op_attr file_attributes; wcc_data linkdir_wcc; }.
package struct LINK3Change: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    package let directoryChange: NFS3WeakCacheData

    package init(attributes: NFS3FileAttributes?, directoryChange: NFS3WeakCacheData) {
        self.attributes = attributes
        self.directoryChange = directoryChange
    }
}

extension LINK3Change: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        directoryChange = try NFS3WeakCacheData(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        directoryChange.encode(into: &writer)
    }
}

package typealias LINK3Result = NFS3Result<LINK3Change, LINK3Change>
