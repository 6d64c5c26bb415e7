package import ONCRPC

// GETATTR, SETATTR and ACCESS (RFC 1813 sections 3.3.1, 3.3.2, 3.3.4).

/// GETATTR3args: { nfs_fh3 object; }.
package struct GETATTR3Arguments: Equatable, Sendable {
    package let object: NFS3FileHandle

    package init(object: NFS3FileHandle) {
        self.object = object
    }
}

extension GETATTR3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        object = try NFS3FileHandle(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        object.encode(into: &writer)
    }
}

/// GETATTR3res: fattr3, or nothing.
package typealias GETATTR3Result = NFS3Result<NFS3FileAttributes, XDRVoid>

/// SETATTR3args: { nfs_fh3 object; sattr3 new_attributes; sattrguard3 guard; }.
package struct SETATTR3Arguments: Equatable, Sendable {
    package let object: NFS3FileHandle
    package let attributes: NFS3SetAttributes
    /// sattrguard3: the change time that the object must still have.
    package let guardTime: NFS3Time?

    package init(object: NFS3FileHandle, attributes: NFS3SetAttributes, guardTime: NFS3Time? = nil)
    {
        self.object = object
        self.attributes = attributes
        self.guardTime = guardTime
    }
}

extension SETATTR3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        object = try NFS3FileHandle(from: &reader)
        attributes = try NFS3SetAttributes(from: &reader)
        guardTime = try NFS3Time?(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        object.encode(into: &writer)
        attributes.encode(into: &writer)
        guardTime.encode(into: &writer)
    }
}

/// SETATTR3res: { wcc_data obj_wcc; } in both arms.
package typealias SETATTR3Result = NFS3Result<NFS3WeakCacheData, NFS3WeakCacheData>

/// The bits of ACCESS (RFC 1813 section 3.3.4).
package struct NFS3Access: OptionSet, Hashable, Sendable {
    package static let read = NFS3Access(rawValue: 0x01)  // ACCESS3_READ
    package static let lookup = NFS3Access(rawValue: 0x02)  // ACCESS3_LOOKUP
    package static let modify = NFS3Access(rawValue: 0x04)  // ACCESS3_MODIFY
    package static let extend = NFS3Access(rawValue: 0x08)  // ACCESS3_EXTEND
    package static let delete = NFS3Access(rawValue: 0x10)  // ACCESS3_DELETE
    package static let execute = NFS3Access(rawValue: 0x20)  // ACCESS3_EXECUTE

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

extension NFS3Access: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        self.init(rawValue: try reader.readUInt32())
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(rawValue)
    }
}

/// ACCESS3args: { nfs_fh3 object; uint32 access; }.
package struct ACCESS3Arguments: Equatable, Sendable {
    package let object: NFS3FileHandle
    package let access: NFS3Access

    package init(object: NFS3FileHandle, access: NFS3Access) {
        self.object = object
        self.access = access
    }
}

extension ACCESS3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        object = try NFS3FileHandle(from: &reader)
        access = try NFS3Access(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        object.encode(into: &writer)
        access.encode(into: &writer)
    }
}

/// ACCESS3resok: { post_op_attr obj_attributes; uint32 access; }.
package struct ACCESS3Success: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    package let access: NFS3Access

    package init(attributes: NFS3FileAttributes?, access: NFS3Access) {
        self.attributes = attributes
        self.access = access
    }
}

extension ACCESS3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        access = try NFS3Access(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        access.encode(into: &writer)
    }
}

/// ACCESS3res; resfail: { post_op_attr obj_attributes; }.
package typealias ACCESS3Result = NFS3Result<ACCESS3Success, NFS3FileAttributes?>
