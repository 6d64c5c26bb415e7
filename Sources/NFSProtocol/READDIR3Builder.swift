package import NIOCore
import ONCRPC

/// Builds the result of READDIR entry by entry within the client's limit.
///
/// `count` bounds the whole READDIR3resok: attributes, verifier, entries and both ends of the list
/// (RFC 1813 section 3.3.16). The status in front of it does not count.
package struct READDIR3Builder {
    private var listing: DirectoryListing

    /// - Parameter buffer: to which the result is appended; it is empty until `finish` gives it back.
    /// - Returns: `nil`, and leaves `buffer` as it was, if not even an empty listing fits:
    ///   NFS3ERR_TOOSMALL.
    package init?(
        count: UInt32,
        attributes: NFS3FileAttributes?,
        verifier: UInt64,
        appendingTo buffer: inout ByteBuffer
    ) {
        guard
            let listing = DirectoryListing(
                byteLimit: Int(count),
                expectedByteCount: Int(count),
                attributes: attributes,
                verifier: verifier,
                appendingTo: &buffer
            )
        else { return nil }
        self.listing = listing
    }

    /// No entry was appended.
    ///
    /// If one was refused that is NFS3ERR_TOOSMALL.
    package var isEmpty: Bool { listing.isEmpty }

    /// - Returns: `false` if the entry does not fit; the listing is as it was.
    package mutating func append(fileID: UInt64, name: Span<UInt8>, cookie: UInt64) -> Bool {
        let entryBytes = DirectoryListing.entryByteCount(nameByteCount: name.count)
        return listing.append(byteCount: entryBytes) { writer in
            DirectoryListing.encodeEntry(fileID, name, cookie, into: &writer)
        }
    }

    /// The buffer, to which READDIR3res with status NFS3_OK is appended.
    ///
    /// Nothing can be appended afterwards.
    package mutating func finish(isEndOfDirectory: Bool) -> ByteBuffer {
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

    /// Bytes of an entry for each of those that `directoryCount` counts, at most, where handles have
    /// 52 bytes and names 16.
    private static let expansion = 5

    /// - Parameter buffer: to which the result is appended; it is empty until `finish` gives it back.
    /// - Returns: `nil`, and leaves `buffer` as it was, if not even an empty listing fits:
    ///   NFS3ERR_TOOSMALL.
    package init?(
        directoryCount: UInt32,
        maximumCount: UInt32,
        attributes: NFS3FileAttributes?,
        verifier: UInt64,
        appendingTo buffer: inout ByteBuffer
    ) {
        guard
            let listing = DirectoryListing(
                byteLimit: Int(maximumCount),
                expectedByteCount: Self.expansion * Int(directoryCount),
                attributes: attributes,
                verifier: verifier,
                appendingTo: &buffer
            )
        else { return nil }
        self.listing = listing
        directoryBytesLeft = Int(directoryCount)
    }

    /// No entry was appended.
    ///
    /// If one was refused that is NFS3ERR_TOOSMALL.
    package var isEmpty: Bool { listing.isEmpty }

    /// - Parameter encodeHandle: is lent the bytes of the handle and fills all of them.
    /// - Returns: `false` if the entry does not fit; the listing is as it was.
    package mutating func append(
        fileID: UInt64,
        name: Span<UInt8>,
        cookie: UInt64,
        attributes: NFS3FileAttributes,
        handleByteCount: Int,
        encodeHandle: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Bool {
        let directoryBytes = DirectoryListing.directoryByteCount(nameByteCount: name.count)
        // The first entry may exceed this limit: a client that asks for too little of a hint
        // would otherwise never get past it. The hard limit holds for it as well.
        guard directoryBytes <= directoryBytesLeft || isEmpty else { return false }
        let byteCount =
            DirectoryListing.entryByteCount(nameByteCount: name.count)
            + 4 + NFS3FileAttributes.encodedByteCount
            + 8 + handleByteCount + XDRPadding.count(after: handleByteCount)
        let fits = listing.append(byteCount: byteCount) { writer in
            DirectoryListing.encodeEntry(fileID, name, cookie, into: &writer)
            writer.write(true)
            attributes.encode(into: &writer)
            writer.write(true)
            writer.write(UInt32(handleByteCount))
            writer.writeFixedOpaque(byteCount: handleByteCount, encodeHandle)
        }
        if fits { directoryBytesLeft -= directoryBytes }
        return fits
    }

    /// The buffer, to which READDIRPLUS3res with status NFS3_OK is appended.
    ///
    /// Nothing can be appended afterwards.
    package mutating func finish(isEndOfDirectory: Bool) -> ByteBuffer {
        listing.finish(isEndOfDirectory: isEndOfDirectory)
    }
}

/// What READDIR and READDIRPLUS have in common: the bytes so far and how many may still come.
private struct DirectoryListing {
    /// The end of the list and eof.
    private static let endByteCount = 8
    /// Room that is made at once: a small directory does not need all that it might.
    private static let largestReservation = 32 << 10

    private var buffer: ByteBuffer
    private var bytesLeft: Int
    private(set) var isEmpty = true

    init?(
        byteLimit: Int,
        expectedByteCount: Int,
        attributes: NFS3FileAttributes?,
        verifier: UInt64,
        appendingTo destination: inout ByteBuffer
    ) {
        let attributeBytes = attributes == nil ? 0 : NFS3FileAttributes.encodedByteCount
        bytesLeft = byteLimit - (4 + attributeBytes + 8 + Self.endByteCount)
        guard bytesLeft >= 0 else { return nil }
        buffer = destination
        // One owner, or the first byte that is written would copy all before it.
        destination = ByteBuffer()
        buffer.reserveCapacity(
            minimumWritableBytes: min(byteLimit, expectedByteCount, Self.largestReservation)
        )
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
        _ name: Span<UInt8>,
        _ cookie: UInt64,
        into writer: inout XDRWriter
    ) {
        writer.write(true)
        writer.write(fileID)
        writer.write(name)
        writer.write(cookie)
    }

    /// - Parameter encode: writes `byteCount` bytes.
    mutating func append(byteCount: Int, _ encode: (inout XDRWriter) -> Void) -> Bool {
        guard byteCount <= bytesLeft else { return false }
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { bytes in
            var writer = XDRWriter(bytes)
            encode(&writer)
            return writer.count
        }
        bytesLeft -= byteCount
        isEmpty = false
        return true
    }

    mutating func finish(isEndOfDirectory: Bool) -> ByteBuffer {
        buffer.writeXDR(reserving: Self.endByteCount) { writer in
            writer.write(false)
            writer.write(isEndOfDirectory)
        }
        bytesLeft = 0
        // One owner, as at the beginning.
        var finished = ByteBuffer()
        swap(&finished, &buffer)
        return finished
    }
}
