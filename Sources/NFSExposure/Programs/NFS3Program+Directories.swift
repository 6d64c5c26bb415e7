import NFSProtocol
import NIOCore
import ONCRPC
import VirtualTree

// LOOKUP, READDIR and READDIRPLUS (RFC 1813 sections 3.3.3, 3.3.16, 3.3.17).

extension NFS3Program.Exchange {
    private static let nameLimit = 255
    /// A listing in one reply has at most so many bytes, whatever the client would take.
    private static let listingLimit: UInt32 = 256 * 1024
    /// Cookies from here on were never handed out.
    private static let cookieLimit: UInt64 = 1 << 31
    /// Never changes: cookies belong to entries and stay good, and clients treat a verifier that
    /// changes as the end of the listing or start over for ever.
    private static let cookieVerifier: UInt64 = 0

    mutating func lookup() {
        perform(LOOKUP3Arguments.self, unknown: nil) {
            (exchange, arguments) throws(NFS3Program.Failure) -> LOOKUP3Result in
            let target = try exchange.target(arguments.what.directory)
            let attributes = target.attributes
            guard case .directory(let directory) = target.node else {
                return .failure(.notDirectory, attributes)
            }
            guard
                target.access.permits(.execute, on: attributes, of: exchange.call.credential)
            else { return .failure(.accessDenied, attributes) }
            let name = arguments.what.name
            guard name.count <= Self.nameLimit else { return .failure(.nameTooLong, attributes) }
            guard !name.isEmpty, !name.contains(0), !name.contains(Ascii.slash) else {
                return .failure(.invalidArgument, attributes)
            }
            guard let found = exchange.find(name, in: directory, target.access) else {
                return .failure(.noEntry, attributes)
            }
            return .success(
                LOOKUP3Success(
                    object: exchange.handle(found.id, in: target.access),
                    attributes: target.access.attributes(found.attributes),
                    directoryAttributes: attributes
                )
            )
        }
    }

    private func find(
        _ name: [UInt8],
        in directory: any VirtualDirectory,
        _ access: Caller.Access
    ) -> VirtualNode? {
        if name == [0x2e] { return .directory(directory) }
        if name == [0x2e, 0x2e] { return .directory(parent(of: directory, in: access)) }
        return directory.entry(named: name)
            ?? service.equivalentNames.entry(equivalentTo: name, in: directory)
    }

    mutating func readDirectory() {
        guard let arguments: READDIR3Arguments = decoded() else { return }
        list(arguments.directory, after: arguments.cookie) { (exchange, directory, access) in
            guard
                var builder = READDIR3Builder(
                    count: min(arguments.count, Self.listingLimit),
                    attributes: access.attributes(directory.attributes),
                    verifier: Self.cookieVerifier,
                    appendingTo: &exchange.replies
                )
            else { return false }
            let isEnd = exchange.forEachEntry(of: directory, after: arguments.cookie, access) {
                name,
                entry in
                builder.append(fileID: entry.attributes.fileid, name: name, cookie: entry.cookie)
            }
            let isEmpty = builder.isEmpty
            exchange.replies = builder.finish(isEndOfDirectory: isEnd)
            return isEnd || !isEmpty
        }
    }

    mutating func readDirectoryPlus() {
        guard let arguments: READDIRPLUS3Arguments = decoded() else { return }
        list(arguments.directory, after: arguments.cookie) { (exchange, directory, access) in
            var shown = access.attributes(directory.attributes)
            guard
                var builder = READDIRPLUS3Builder(
                    directoryCount: arguments.directoryCount,
                    maximumCount: min(arguments.maximumCount, Self.listingLimit),
                    attributes: shown,
                    verifier: Self.cookieVerifier,
                    appendingTo: &exchange.replies
                )
            else { return false }
            var handles = exchange.service.handles.series(exportID: access.export.id)
            let isEnd = exchange.forEachEntry(of: directory, after: arguments.cookie, access) {
                name,
                entry in
                access.show(entry.attributes, in: &shown)
                return builder.append(
                    fileID: entry.attributes.fileid,
                    name: name,
                    cookie: entry.cookie,
                    attributes: shown,
                    handleByteCount: FileHandleCodec.byteCount,
                    encodeHandle: { handles.encode(entry.id, into: $0) }
                )
            }
            let isEmpty = builder.isEmpty
            exchange.replies = builder.finish(isEndOfDirectory: isEnd)
            return isEnd || !isEmpty
        }
    }

    private mutating func decoded<T: XDRDecodable>() -> T? {
        do throws(XDRError) {
            return try arguments.decodeArguments(T.self)
        } catch {
            refuse(.garbageArguments)
            return nil
        }
    }

    /// The checks of both kinds of listing.
    ///
    /// - Parameter body: appends the results to `replies` and returns true, or returns false if nothing
    ///   fits.
    private mutating func list(
        _ handle: NFS3FileHandle,
        after cookie: UInt64,
        _ body: (inout Self, any VirtualDirectory, Caller.Access) -> Bool
    ) {
        typealias Failed = NFS3Result<XDRVoid, NFS3FileAttributes?>
        do throws(NFS3Program.Failure) {
            let target = try target(handle)
            guard case .directory(let directory) = target.node else {
                reply(Failed.failure(.notDirectory, target.attributes))
                return
            }
            guard target.access.permits(.read, on: target.attributes, of: call.credential) else {
                reply(Failed.failure(.accessDenied, target.attributes))
                return
            }
            guard cookie < Self.cookieLimit else {
                reply(Failed.failure(.badCookie, target.attributes))
                return
            }
            // Where they are sent from: what is long is not copied.
            let start = replies.writerIndex
            let mark = RecordMark(reservedIn: &replies)
            RPCReply.success.encode(xid: call.xid, into: &replies)
            if body(&self, directory, target.access) {
                mark.set(in: &replies)
            } else {
                replies.moveWriterIndex(to: start)
                reply(Failed.failure(.tooSmall, target.attributes))
            }
        } catch {
            switch error {
            case .status(let status): reply(Failed.failure(status, nil))
            case .credential: refuse(.authError(.tooWeak))
            }
        }
    }

    /// Calls `body` for ".", ".." and the entries behind `cookie` until it returns `false`.
    /// - Returns: whether `body` took the last one.
    private func forEachEntry(
        of directory: any VirtualDirectory,
        after cookie: UInt64,
        _ access: Caller.Access,
        _ body: (_ name: Span<UInt8>, DirectoryEntry) -> Bool
    ) -> Bool {
        let dots: [UInt8] = [0x2e, 0x2e]
        if cookie < 1 {
            let itself = DirectoryEntry(directory, cookie: 1)
            guard body(dots.span.extracting(..<1), itself) else { return false }
        }
        if cookie < 2 {
            let parent = DirectoryEntry(parent(of: directory, in: access), cookie: 2)
            guard body(dots.span, parent) else { return false }
        }
        return directory.forEachEntry(after: max(cookie, 2), body)
    }
}

extension DirectoryEntry {
    /// "." or "..".
    fileprivate init(_ directory: any VirtualDirectory, cookie: UInt64) {
        self.init(cookie: cookie, id: directory.id, attributes: directory.attributes)
    }
}
