import NFSProtocol
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
                    verifier: Self.cookieVerifier
                )
            else { return false }
            let isEnd = exchange.forEachEntry(of: directory, after: arguments.cookie, access) {
                builder.append(fileID: $0.attributes.fileid, name: $0.name, cookie: $0.cookie)
            }
            guard isEnd || !builder.isEmpty else { return false }
            exchange.reply(EncodedResult(builder.finish(isEndOfDirectory: isEnd)))
            return true
        }
    }

    mutating func readDirectoryPlus() {
        guard let arguments: READDIRPLUS3Arguments = decoded() else { return }
        list(arguments.directory, after: arguments.cookie) { (exchange, directory, access) in
            guard
                var builder = READDIRPLUS3Builder(
                    directoryCount: arguments.directoryCount,
                    maximumCount: min(arguments.maximumCount, Self.listingLimit),
                    attributes: access.attributes(directory.attributes),
                    verifier: Self.cookieVerifier
                )
            else { return false }
            let (handles, export) = (exchange.service.handles, access.export.id)
            let isEnd = exchange.forEachEntry(of: directory, after: arguments.cookie, access) {
                builder.append(
                    READDIRPLUS3Entry(
                        fileID: $0.attributes.fileid,
                        name: $0.name,
                        cookie: $0.cookie,
                        attributes: access.attributes($0.attributes),
                        handle: handles.encode(FileHandle(exportID: export, id: $0.id))
                    )
                )
            }
            guard isEnd || !builder.isEmpty else { return false }
            exchange.reply(EncodedResult(builder.finish(isEndOfDirectory: isEnd)))
            return true
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
    /// - Parameter body: replies and returns `true`, or returns `false` if nothing fits.
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
            if !body(&self, directory, target.access) {
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
        _ body: (DirectoryEntry) -> Bool
    ) -> Bool {
        if cookie < 1, !body(DirectoryEntry(directory, as: [0x2e], cookie: 1)) { return false }
        if cookie < 2 {
            let parent = parent(of: directory, in: access)
            guard body(DirectoryEntry(parent, as: [0x2e, 0x2e], cookie: 2)) else { return false }
        }
        return directory.forEachEntry(after: max(cookie, 2), body)
    }
}

extension DirectoryEntry {
    /// "." or "..".
    fileprivate init(_ directory: any VirtualDirectory, as name: [UInt8], cookie: UInt64) {
        self.init(
            cookie: cookie,
            name: name,
            id: directory.id,
            attributes: directory.attributes
        )
    }
}
