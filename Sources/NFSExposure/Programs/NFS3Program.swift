import NFSProtocol
import NIOCore
import ONCRPC
import VirtualTree

/// Program 100003, version 3: the procedures of RFC 1813 over a tree that takes no writes.
///
/// Everything but READ is answered here, from memory. A READ comes back to the connection, which
/// knows how to wait.
struct NFS3Program {
    /// Why a call does not come to its object.
    enum Failure: Error {
        case status(NFS3Status)
        /// The export wants a credential and the call has none.
        case credential
    }

    /// An object of the tree and the export through which the call came to it.
    struct Target {
        let node: VirtualNode
        let access: Caller.Access

        var attributes: NFS3FileAttributes {
            switch node {
            case .directory(let directory): access.attributes(directory.attributes)
            case .file(let file): access.attributes(file.attributes)
            }
        }
    }

    let service: NFSService

    /// Appends the reply to `replies`.
    /// - Returns: a READ that the caller has to answer instead.
    func answer(
        _ call: RPCCall,
        arguments: ByteBuffer,
        caller: Caller,
        replies: inout ByteBuffer
    ) -> ReadCall? {
        guard let procedure = NFS3Procedure(rawValue: call.procedure) else {
            RPCReply.procedureUnavailable.encodeRecord(xid: call.xid, into: &replies)
            return nil
        }
        var exchange = Exchange(
            program: self,
            call: call,
            arguments: arguments,
            caller: caller,
            replies: replies
        )
        // The buffer must have one owner, or every reply would copy what is in it.
        replies = ByteBuffer()
        defer { replies = exchange.replies }
        switch procedure {
        case .read: return exchange.read()
        case .null: exchange.reply(XDRVoid())
        case .getAttributes: exchange.getAttributes()
        case .lookup: exchange.lookup()
        case .access: exchange.access()
        case .readLink: exchange.readLink()
        case .readDirectory: exchange.readDirectory()
        case .readDirectoryPlus: exchange.readDirectoryPlus()
        case .fileSystemStatus: exchange.fileSystemStatus()
        case .fileSystemInfo: exchange.fileSystemInfo()
        case .pathConfiguration: exchange.pathConfiguration()
        case .commit: exchange.commit()
        case .setAttributes, .write, .create, .makeDirectory, .symbolicLink, .makeNode, .remove,
            .removeDirectory, .rename, .link:
            exchange.refuseChange(procedure)
        }
        return nil
    }

    /// One call on its way to one reply.
    struct Exchange {
        let program: NFS3Program
        let call: RPCCall
        let arguments: ByteBuffer
        let caller: Caller
        var replies: ByteBuffer

        var service: NFSService { program.service }

        mutating func reply(_ results: some XDREncodable) {
            RPCReply.encodeSuccessRecord(xid: call.xid, results: results, into: &replies)
        }

        mutating func refuse(_ reply: RPCReply) {
            reply.encodeRecord(xid: call.xid, into: &replies)
        }

        /// Decodes the arguments, performs the call and replies, with `unknown` for attributes
        /// where the call does not come to its object.
        mutating func perform<Arguments: XDRDecodable, Success: XDREncodable, Other: XDREncodable>(
            _ type: Arguments.Type,
            unknown: Other,
            _ body: (inout Self, Arguments) throws(Failure) -> NFS3Result<Success, Other>
        ) {
            let decoded: Arguments
            do throws(XDRError) {
                decoded = try arguments.decodeArguments(type)
            } catch {
                refuse(.garbageArguments)
                return
            }
            do throws(Failure) {
                reply(try body(&self, decoded))
            } catch {
                switch error {
                case .status(let status):
                    reply(NFS3Result<Success, Other>.failure(status, unknown))
                case .credential: refuse(.authError(.tooWeak))
                }
            }
        }

        /// Finds the object of a handle and checks that this caller may come to it.
        func target(_ handle: NFS3FileHandle) throws(Failure) -> Target {
            guard let decoded = service.handles.decode(handle) else {
                service.reportAbuse(
                    "file handle that this server did not make",
                    from: caller.address
                )
                throw .status(.badHandle)
            }
            let access: Caller.Access
            switch caller.verdict(onExport: decoded.exportID) {
            case .allowed(let allowed): access = allowed
            case .denied: throw .status(.accessDenied)
            case .unknown: throw .status(.stale)
            }
            switch call.credential {
            case .none where !access.options.allowsNone: throw .credential
            case .sys where !access.options.allowsSys && !access.options.allowsNone:
                throw .credential
            default: break
            }
            guard let node = service.tree.node(decoded.id) else { throw .status(.stale) }
            return Target(node: node, access: access)
        }

        func handle(_ id: FileID, in access: Caller.Access) -> NFS3FileHandle {
            service.handles.encode(FileHandle(exportID: access.export.id, id: id))
        }

        /// What ".." is: never anything above the export.
        func parent(
            of directory: any VirtualDirectory,
            in access: Caller.Access
        ) -> any VirtualDirectory {
            if let root = service.rootDirectory(of: access.export), root.id == directory.id {
                return directory
            }
            return directory.parent
        }
    }
}

extension Caller.Access {
    /// fattr3 as this export shows an object.
    func attributes(_ attributes: FileAttributes) -> NFS3FileAttributes {
        let never = NFS3Time(seconds: 0)
        var shown = NFS3FileAttributes(
            type: .regular,
            mode: 0,
            linkCount: 0,
            uid: options.reportedUser,
            gid: options.reportedGroup,
            size: 0,
            used: 0,
            fileSystemID: export.fsid,
            fileID: 0,
            accessTime: never,
            modificationTime: never,
            changeTime: never
        )
        show(attributes, in: &shown)
        return shown
    }

    /// Puts the attributes of an object in the place of those of another one, which is quicker where many
    /// are shown.
    ///
    /// atime and ctime follow mtime: a ctime that moved while pieces arrive would empty the
    /// client's cache.
    ///
    /// - Parameter shown: what `attributes` has given.
    func show(_ attributes: FileAttributes, in shown: inout NFS3FileAttributes) {
        let isDirectory = attributes.kind == .directory
        let mode = options.reportedMode(attributes.mode, isDirectory: isDirectory)
        let time = NFS3Time(
            seconds: attributes.modified.seconds,
            nanoseconds: attributes.modified.nanoseconds
        )
        shown.type = isDirectory ? .directory : .regular
        shown.mode = UInt32(mode) & 0o7777
        shown.linkCount = attributes.linkCount
        shown.size = attributes.size
        shown.used = attributes.size
        shown.fileID = attributes.fileid
        shown.accessTime = time
        shown.modificationTime = time
        shown.changeTime = time
    }
}
