package import NIOCore
import ONCRPC

/// Builds the result of READDIR entry by entry within the client's limit.
///
/// `count` bounds the whole READDIR3resok: attributes, verifier, entries and both ends of the list
/// (RFC 1813 section 3.3.16). The status in front of it does not count.
package struct READDIR3Builder {
    private var listing: DirectoryListing

    /// - Returns: `nil` if not even an empty listing fits: NFS3ERR_TOOSMALL.
    package init?(count: UInt32, attributes: NFS3FileAttributes?, verifier: UInt64) {
        guard
            let listing = DirectoryListing(
                byteLimit: Int(count),
                attributes: attributes,
                verifier: verifier
            )
        else { return nil }
        self.listing = listing
    }

    /// No entry was appended.
    ///
    /// If one was refused that is NFS3ERR_TOOSMALL.
    package var isEmpty: Bool { listing.isEmpty }

    /// - Returns: `false` if the entry does not fit; the listing is as it was.
    package mutating func append(fileID: UInt64, name: [UInt8], cookie: UInt64) -> Bool {
        let entryBytes = DirectoryListing.entryByteCount(nameByteCount: name.count)
        return listing.append(byteCount: entryBytes) { writer in
            DirectoryListing.encodeEntry(fileID, name, cookie, into: &writer)
        }
    }

    /// READDIR3res with status NFS3_OK, to be sent as the results of the reply.
    package consuming func finish(isEndOfDirectory: Bool) -> ByteBuffer {
        listing.finish(isEndOfDirectory: isEndOfDirectory)
    }
}

/// Builds the result of READDIRPLUS entry by entry within the client's two limits.
///
/// `maximumCount` bounds the whole READDIRPLUS3resok, `directoryCount` the bytes of fileids, names
/// and cookies (RFC 1813 section 3.3.17).
package struct READDIRPLUS3Builder {
    private var listing: DirectoryListing
    private var directoryBytesLeft: Int

    /// - Returns: `nil` if not even an empty listing fits: NFS3ERR_TOOSMALL.
    package init?(
        directoryCount: UInt32,
        maximumCount: UInt32,
        attributes: NFS3FileAttributes?,
        verifier: UInt64
    ) {
        guard
            let listing = DirectoryListing(
                byteLimit: Int(maximumCount),
                attributes: attributes,
                verifier: verifier
            )
        else { return nil }
        self.listing = listing
        directoryBytesLeft = Int(directoryCount)
    }

    /// No entry was appended.
    ///
    /// If one was refused that is NFS3ERR_TOOSMALL.
    package var isEmpty: Bool { listing.isEmpty }

    /// - Returns: `false` if the entry does not fit; the listing is as it was.
    package mutating func append(_ entry: READDIRPLUS3Entry) -> Bool {
        let directoryBytes = DirectoryListing.directoryByteCount(nameByteCount: entry.name.count)
        // The first entry may exceed this limit: a client that asks for too little of a hint
        // would otherwise never get past it. The hard limit holds for it as well.
        guard directoryBytes <= directoryBytesLeft || isEmpty else { return false }
        var byteCount = DirectoryListing.entryByteCount(nameByteCount: entry.name.count) + 8
        if entry.attributes != nil { byteCount += NFS3FileAttributes.encodedByteCount }
        if let handle = entry.handle {
            byteCount += 4 + handle.count + XDRPadding.count(after: handle.count)
        }
        let fits = listing.append(byteCount: byteCount) { writer in
            DirectoryListing.encodeEntry(entry.fileID, entry.name, entry.cookie, into: &writer)
            // Not as optionals, whose encoding is generic: a listing is mostly this.
            writer.write(entry.attributes != nil)
            entry.attributes?.encode(into: &writer)
            writer.write(entry.handle != nil)
            entry.handle?.encode(into: &writer)
        }
        if fits { directoryBytesLeft -= directoryBytes }
        return fits
    }

    /// READDIRPLUS3res with status NFS3_OK, to be sent as the results of the reply.
    package consuming func finish(isEndOfDirectory: Bool) -> ByteBuffer {
        listing.finish(isEndOfDirectory: isEndOfDirectory)
    }
}

/// What READDIR and READDIRPLUS have in common: the bytes so far and how many may still come.
private struct DirectoryListing {
    /// The end of the list and eof.
    private static let endByteCount = 8

    private var buffer = ByteBuffer()
    private var bytesLeft: Int
    private(set) var isEmpty = true

    init?(byteLimit: Int, attributes: NFS3FileAttributes?, verifier: UInt64) {
        let attributeBytes = attributes == nil ? 0 : NFS3FileAttributes.encodedByteCount
        bytesLeft = byteLimit - (4 + attributeBytes + 8 + Self.endByteCount)
        guard bytesLeft >= 0 else { return nil }
        buffer.writeXDR { writer in
            writer.write(NFS3Status.ok.rawValue)
            attributes.encode(into: &writer)
            writer.write(verifier)
        }
    }

    /// fileid, length and bytes of the name with padding, cookie.
    static func directoryByteCount(nameByteCount: Int) -> Int {
        20 + nameByteCount + XDRPadding.count(after: nameByteCount)
    }

    /// The same and the word that says that an entry follows.
    static func entryByteCount(nameByteCount: Int) -> Int {
        4 + directoryByteCount(nameByteCount: nameByteCount)
    }

    static func encodeEntry(
        _ fileID: UInt64,
        _ name: [UInt8],
        _ cookie: UInt64,
        into writer: inout XDRWriter
    ) {
        writer.write(true)
        writer.write(fileID)
        writer.write(name)
        writer.write(cookie)
    }

    mutating func append(byteCount: Int, _ encode: (inout XDRWriter) -> Void) -> Bool {
        guard byteCount <= bytesLeft else { return false }
        buffer.writeXDR(reserving: byteCount, encode)
        bytesLeft -= byteCount
        isEmpty = false
        return true
    }

    consuming func finish(isEndOfDirectory: Bool) -> ByteBuffer {
        buffer.writeXDR(reserving: Self.endByteCount) { writer in
            writer.write(false)
            writer.write(isEndOfDirectory)
        }
        return buffer
    }
}

extension NFS3FileAttributes {
    /// Bytes of a fattr3.
    fileprivate static let encodedByteCount = 84
}
