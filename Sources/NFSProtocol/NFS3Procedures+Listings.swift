package import ONCRPC

// READDIR and READDIRPLUS (RFC 1813 sections 3.3.16, 3.3.17). A server writes their results with
// READDIR3Builder and READDIRPLUS3Builder.

/// READDIR3args: { nfs_fh3 dir; cookie3 cookie; cookieverf3 cookieverf; count3 count; }.
package struct READDIR3Arguments: Equatable, Sendable {
    package let directory: NFS3FileHandle
    /// 0, or the cookie of the last entry that the client has.
    package let cookie: UInt64
    package let verifier: UInt64
    /// Bytes of READDIR3resok at most.
    package let count: UInt32

    package init(directory: NFS3FileHandle, cookie: UInt64, verifier: UInt64, count: UInt32) {
        self.directory = directory
        self.cookie = cookie
        self.verifier = verifier
        self.count = count
    }
}

extension READDIR3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        directory = try NFS3FileHandle(from: &reader)
        cookie = try reader.readUInt64()
        verifier = try reader.readUInt64()
        count = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        directory.encode(into: &writer)
        writer.write(cookie)
        writer.write(verifier)
        writer.write(count)
    }
}

/// entry3: { fileid3 fileid; filename3 name; cookie3 cookie; entry3 *nextentry; }.
package struct READDIR3Entry: Equatable, Sendable {
    package let fileID: UInt64
    package let name: [UInt8]
    package let cookie: UInt64

    package init(fileID: UInt64, name: [UInt8], cookie: UInt64) {
        self.fileID = fileID
        self.name = name
        self.cookie = cookie
    }
}

extension READDIR3Entry: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        fileID = try reader.readUInt64()
        name = try reader.readBytes(limit: NFS3Limit.nameByteCount)
        cookie = try reader.readUInt64()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(fileID)
        writer.write(name)
        writer.write(cookie)
    }
}

/// READDIR3resok: { post_op_attr dir_attributes; cookieverf3 cookieverf; dirlist3 reply; }, the
/// latter { entry3 *entries; bool eof; }.
package struct READDIR3Success: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    package let verifier: UInt64
    package let entries: [READDIR3Entry]
    package let isEndOfDirectory: Bool

    package init(
        attributes: NFS3FileAttributes?,
        verifier: UInt64,
        entries: [READDIR3Entry],
        isEndOfDirectory: Bool
    ) {
        self.attributes = attributes
        self.verifier = verifier
        self.entries = entries
        self.isEndOfDirectory = isEndOfDirectory
    }
}

extension READDIR3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        verifier = try reader.readUInt64()
        entries = try reader.readList(of: READDIR3Entry.self)
        isEndOfDirectory = try reader.readBool()
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        writer.write(verifier)
        writer.writeList(entries)
        writer.write(isEndOfDirectory)
    }
}

/// READDIR3res; resfail: { post_op_attr dir_attributes; }.
package typealias READDIR3Result = NFS3Result<READDIR3Success, NFS3FileAttributes?>

/// READDIRPLUS3args: { nfs_fh3 dir; cookie3 cookie; cookieverf3 cookieverf; count3 dircount; count3
/// maxcount; }.
package struct READDIRPLUS3Arguments: Equatable, Sendable {
    package let directory: NFS3FileHandle
    package let cookie: UInt64
    package let verifier: UInt64
    /// Bytes of fileids, names and cookies at most.
    package let directoryCount: UInt32
    /// Bytes of READDIRPLUS3resok at most.
    package let maximumCount: UInt32

    package init(
        directory: NFS3FileHandle,
        cookie: UInt64,
        verifier: UInt64,
        directoryCount: UInt32,
        maximumCount: UInt32
    ) {
        self.directory = directory
        self.cookie = cookie
        self.verifier = verifier
        self.directoryCount = directoryCount
        self.maximumCount = maximumCount
    }
}

extension READDIRPLUS3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        directory = try NFS3FileHandle(from: &reader)
        cookie = try reader.readUInt64()
        verifier = try reader.readUInt64()
        directoryCount = try reader.readUInt32()
        maximumCount = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        directory.encode(into: &writer)
        writer.write(cookie)
        writer.write(verifier)
        writer.write(directoryCount)
        writer.write(maximumCount)
    }
}

/// entryplus3: { fileid3 fileid; filename3 name; cookie3 cookie; post_op_attr name_attributes;
/// post_op_fh3 name_handle; entryplus3 *nextentry; }.
package struct READDIRPLUS3Entry: Equatable, Sendable {
    package let fileID: UInt64
    package let name: [UInt8]
    package let cookie: UInt64
    package let attributes: NFS3FileAttributes?
    package let handle: NFS3FileHandle?

    package init(
        fileID: UInt64,
        name: [UInt8],
        cookie: UInt64,
        attributes: NFS3FileAttributes?,
        handle: NFS3FileHandle?
    ) {
        self.fileID = fileID
        self.name = name
        self.cookie = cookie
        self.attributes = attributes
        self.handle = handle
    }
}

extension READDIRPLUS3Entry: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        fileID = try reader.readUInt64()
        name = try reader.readBytes(limit: NFS3Limit.nameByteCount)
        cookie = try reader.readUInt64()
        attributes = try NFS3FileAttributes?(from: &reader)
        handle = try NFS3FileHandle?(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(fileID)
        writer.write(name)
        writer.write(cookie)
        attributes.encode(into: &writer)
        handle.encode(into: &writer)
    }
}

/// READDIRPLUS3resok: { post_op_attr dir_attributes; cookieverf3 cookieverf; dirlistplus3 reply; }.
package struct READDIRPLUS3Success: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    package let verifier: UInt64
    package let entries: [READDIRPLUS3Entry]
    package let isEndOfDirectory: Bool

    package init(
        attributes: NFS3FileAttributes?,
        verifier: UInt64,
        entries: [READDIRPLUS3Entry],
        isEndOfDirectory: Bool
    ) {
        self.attributes = attributes
        self.verifier = verifier
        self.entries = entries
        self.isEndOfDirectory = isEndOfDirectory
    }
}

extension READDIRPLUS3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        verifier = try reader.readUInt64()
        entries = try reader.readList(of: READDIRPLUS3Entry.self)
        isEndOfDirectory = try reader.readBool()
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        writer.write(verifier)
        writer.writeList(entries)
        writer.write(isEndOfDirectory)
    }
}

/// READDIRPLUS3res; resfail: { post_op_attr dir_attributes; }.
package typealias READDIRPLUS3Result = NFS3Result<READDIRPLUS3Success, NFS3FileAttributes?>
