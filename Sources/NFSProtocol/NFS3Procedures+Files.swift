package import NIOCore
package import ONCRPC

// READLINK, READ, WRITE and COMMIT (RFC 1813 sections 3.3.5 to 3.3.7, 3.3.21).

/// READLINK3args: { nfs_fh3 symlink; }.
package struct READLINK3Arguments: Equatable, Sendable {
    package let link: NFS3FileHandle

    package init(link: NFS3FileHandle) {
        self.link = link
    }
}

extension READLINK3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        link = try NFS3FileHandle(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        link.encode(into: &writer)
    }
}

/// READLINK3resok: { post_op_attr symlink_attributes; nfspath3 data; }.
package struct READLINK3Success: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    package let path: [UInt8]

    package init(attributes: NFS3FileAttributes?, path: [UInt8]) {
        self.attributes = attributes
        self.path = path
    }
}

extension READLINK3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        path = try reader.readBytes(limit: NFS3Limit.pathByteCount)
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        writer.write(path)
    }
}

/// READLINK3res; resfail: { post_op_attr symlink_attributes; }.
package typealias READLINK3Result = NFS3Result<READLINK3Success, NFS3FileAttributes?>

/// READ3args: { nfs_fh3 file; offset3 offset; count3 count; }.
package struct READ3Arguments: Equatable, Sendable {
    package let file: NFS3FileHandle
    package let offset: UInt64
    package let count: UInt32

    package init(file: NFS3FileHandle, offset: UInt64, count: UInt32) {
        self.file = file
        self.offset = offset
        self.count = count
    }
}

extension READ3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFS3FileHandle(from: &reader)
        offset = try reader.readUInt64()
        count = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        file.encode(into: &writer)
        writer.write(offset)
        writer.write(count)
    }
}

/// READ3resok up to its data: { post_op_attr file_attributes; count3 count; bool eof; opaque
/// data<>; }.
///
/// The data and ``paddingByteCount`` zero bytes follow what is encoded here; they are sent and
/// received as buffers of their own, never copied.
package struct READ3Header: Equatable, Sendable {
    package let attributes: NFS3FileAttributes?
    /// Bytes of data; also the length of the opaque.
    package let count: UInt32
    package let isEndOfFile: Bool

    package init(attributes: NFS3FileAttributes?, count: UInt32, isEndOfFile: Bool) {
        self.attributes = attributes
        self.count = count
        self.isEndOfFile = isEndOfFile
    }

    /// 0...3.
    package var paddingByteCount: Int { XDRPadding.count(after: Int(count)) }
    /// Bytes that follow the header: data and padding.
    package var payloadByteCount: Int { Int(count) + paddingByteCount }
}

extension READ3Header: XDRCodable {
    /// - Throws: Also if the length of the data is not `count`, or data or padding are missing.
    ///   The reader stays in front of the data.
    package init(from reader: inout XDRReader) throws(XDRError) {
        attributes = try NFS3FileAttributes?(from: &reader)
        count = try reader.readUInt32()
        isEndOfFile = try reader.readBool()
        let length = try reader.readUInt32()
        guard length == count else {
            throw .invalidValue(offset: reader.offset - 4, value: length)
        }
        guard reader.remainingCount >= payloadByteCount else {
            throw .truncated(offset: reader.offset)
        }
    }

    package func encode(into writer: inout XDRWriter) {
        attributes.encode(into: &writer)
        writer.write(count)
        writer.write(isEndOfFile)
        writer.write(count)
    }
}

/// READ3res, whose data follow; resfail: { post_op_attr file_attributes; }.
package typealias READ3Result = NFS3Result<READ3Header, NFS3FileAttributes?>

/// stable_how.
package enum NFS3Stability: UInt32, Sendable {
    case unstable = 0  // UNSTABLE
    case dataSync = 1  // DATA_SYNC
    case fileSync = 2  // FILE_SYNC
}

/// WRITE3args up to its data: { nfs_fh3 file; offset3 offset; count3 count; stable_how stable;
/// opaque data<>; }.
///
/// The data and their padding follow what is encoded here.
package struct WRITE3Header: Equatable, Sendable {
    package let file: NFS3FileHandle
    package let offset: UInt64
    /// Bytes to write, as `count` says; a client may say less or more than it sends.
    package let count: UInt32
    package let stability: NFS3Stability
    /// Bytes of data sent.
    package let dataByteCount: UInt32

    package init(
        file: NFS3FileHandle,
        offset: UInt64,
        count: UInt32,
        stability: NFS3Stability,
        dataByteCount: UInt32
    ) {
        self.file = file
        self.offset = offset
        self.count = count
        self.stability = stability
        self.dataByteCount = dataByteCount
    }

    package var paddingByteCount: Int { XDRPadding.count(after: Int(dataByteCount)) }
}

extension WRITE3Header: XDREncodable {
    package func encode(into writer: inout XDRWriter) {
        file.encode(into: &writer)
        writer.write(offset)
        writer.write(count)
        writer.write(stability.rawValue)
        writer.write(dataByteCount)
    }
}

/// WRITE3args.
///
/// The data are a slice of the call, not a copy.
package struct WRITE3Arguments: Equatable, Sendable {
    package let header: WRITE3Header
    package let data: ByteBuffer

    /// Decodes the readable bytes of `arguments` from first to last.
    ///
    /// - Parameter slack: Bytes that may follow.
    package init(
        consuming arguments: inout ByteBuffer,
        slack: Int = 8
    ) throws(XDRError) {
        var head = arguments
        let (header, dataOffset) = try head.readXDR {
            (reader) throws(XDRError) -> (WRITE3Header, Int) in
            let header = WRITE3Header(
                file: try NFS3FileHandle(from: &reader),
                offset: try reader.readUInt64(),
                count: try reader.readUInt32(),
                stability: try reader.readEnum(NFS3Stability.self),
                dataByteCount: try reader.readUInt32()
            )
            let dataOffset = reader.offset
            _ = try reader.readFixedOpaque(count: Int(header.dataByteCount))
            try reader.finish(slack: slack)
            return (header, dataOffset)
        }
        let dataByteCount = Int(header.dataByteCount)
        guard
            let data = arguments.getSlice(
                at: arguments.readerIndex + dataOffset,
                length: dataByteCount
            )
        else { throw .truncated(offset: dataOffset) }
        self.header = header
        self.data = data
        arguments = head
    }
}

/// WRITE3resok: { wcc_data file_wcc; count3 count; stable_how committed; writeverf3 verf; }.
package struct WRITE3Success: Equatable, Sendable {
    package let fileChange: NFS3WeakCacheData
    package let count: UInt32
    package let committed: NFS3Stability
    package let verifier: UInt64

    package init(
        fileChange: NFS3WeakCacheData,
        count: UInt32,
        committed: NFS3Stability,
        verifier: UInt64
    ) {
        self.fileChange = fileChange
        self.count = count
        self.committed = committed
        self.verifier = verifier
    }
}

extension WRITE3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        fileChange = try NFS3WeakCacheData(from: &reader)
        count = try reader.readUInt32()
        committed = try reader.readEnum(NFS3Stability.self)
        verifier = try reader.readUInt64()
    }

    package func encode(into writer: inout XDRWriter) {
        fileChange.encode(into: &writer)
        writer.write(count)
        writer.write(committed.rawValue)
        writer.write(verifier)
    }
}

/// WRITE3res; resfail: { wcc_data file_wcc; }.
package typealias WRITE3Result = NFS3Result<WRITE3Success, NFS3WeakCacheData>

/// COMMIT3args: { nfs_fh3 file; offset3 offset; count3 count; }.
package struct COMMIT3Arguments: Equatable, Sendable {
    package let file: NFS3FileHandle
    package let offset: UInt64
    package let count: UInt32

    package init(file: NFS3FileHandle, offset: UInt64, count: UInt32) {
        self.file = file
        self.offset = offset
        self.count = count
    }
}

extension COMMIT3Arguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFS3FileHandle(from: &reader)
        offset = try reader.readUInt64()
        count = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        file.encode(into: &writer)
        writer.write(offset)
        writer.write(count)
    }
}

/// COMMIT3resok: { wcc_data file_wcc; writeverf3 verf; }.
package struct COMMIT3Success: Equatable, Sendable {
    package let fileChange: NFS3WeakCacheData
    package let verifier: UInt64

    package init(fileChange: NFS3WeakCacheData, verifier: UInt64) {
        self.fileChange = fileChange
        self.verifier = verifier
    }
}

extension COMMIT3Success: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        fileChange = try NFS3WeakCacheData(from: &reader)
        verifier = try reader.readUInt64()
    }

    package func encode(into writer: inout XDRWriter) {
        fileChange.encode(into: &writer)
        writer.write(verifier)
    }
}

/// COMMIT3res; resfail: { wcc_data file_wcc; }.
package typealias COMMIT3Result = NFS3Result<COMMIT3Success, NFS3WeakCacheData>
