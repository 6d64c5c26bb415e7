import NFSProtocol
import ONCRPC
import VirtualTree

// GETATTR, ACCESS and READLINK (RFC 1813 sections 3.3.1, 3.3.4, 3.3.5), and the procedures that
// would change something.

extension NFS3Program.Exchange {
    mutating func getAttributes() {
        perform(GETATTR3Arguments.self, unknown: XDRVoid()) {
            (exchange, arguments) throws(NFS3Program.Failure) -> GETATTR3Result in
            .success(try exchange.target(arguments.object).attributes)
        }
    }

    mutating func access() {
        perform(ACCESS3Arguments.self, unknown: nil) {
            (exchange, arguments) throws(NFS3Program.Failure) -> ACCESS3Result in
            let target = try exchange.target(arguments.object)
            let attributes = target.attributes
            let permissions = target.access.permissions(
                on: attributes,
                of: exchange.call.credential
            )
            var allowed: NFS3Access = []
            if permissions.contains(.read) { allowed.insert(.read) }
            if permissions.contains(.execute) {
                allowed.insert(attributes.type == .directory ? .lookup : .execute)
            }
            return .success(
                ACCESS3Success(
                    attributes: attributes,
                    access: allowed.intersection(arguments.access)
                )
            )
        }
    }

    mutating func readLink() {
        perform(READLINK3Arguments.self, unknown: nil) {
            (exchange, arguments) throws(NFS3Program.Failure) -> READLINK3Result in
            .failure(.invalidArgument, try exchange.target(arguments.link).attributes)
        }
    }

    /// NFS3ERR_ROFS, after the errors of the handles and with attributes, so that a client keeps
    /// what it has cached.
    mutating func refuseChange(_ procedure: NFS3Procedure) {
        switch procedure {
        case .setAttributes:
            refuseChange(SETATTR3Arguments.self) { $0.object }
        case .write: refuseWrite()
        case .create: refuseCreation(CREATE3Arguments.self) { $0.location }
        case .makeDirectory: refuseCreation(MKDIR3Arguments.self) { $0.location }
        case .symbolicLink: refuseCreation(SYMLINK3Arguments.self) { $0.location }
        case .makeNode: refuseCreation(MKNOD3Arguments.self) { $0.location }
        case .remove, .removeDirectory:
            refuseChange(REMOVE3Arguments.self) { $0.object.directory }
        case .rename: refuseRename()
        case .link: refuseLink()
        default: refuse(.systemError)
        }
    }

    private mutating func refuseChange<Arguments: XDRDecodable>(
        _ type: Arguments.Type,
        _ handle: (Arguments) -> NFS3FileHandle
    ) {
        perform(type, unknown: NFS3WeakCacheData()) {
            (exchange, arguments) throws(NFS3Program.Failure) -> SETATTR3Result in
            .failure(.readOnly, try exchange.target(handle(arguments)).unchanged)
        }
    }

    private mutating func refuseCreation<Arguments: XDRDecodable>(
        _ type: Arguments.Type,
        _ location: (Arguments) -> NFS3DirectoryOperation
    ) {
        perform(type, unknown: NFS3WeakCacheData()) {
            (exchange, arguments) throws(NFS3Program.Failure) -> NFS3CreationResult in
            .failure(.readOnly, try exchange.target(location(arguments).directory).unchanged)
        }
    }

    private mutating func refuseWrite() {
        perform(WriteHead.self, unknown: NFS3WeakCacheData()) {
            (exchange, arguments) throws(NFS3Program.Failure) -> WRITE3Result in
            .failure(.readOnly, try exchange.target(arguments.file).unchanged)
        }
    }

    private mutating func refuseRename() {
        let unknown = RENAME3Change(
            fromDirectory: NFS3WeakCacheData(),
            toDirectory: NFS3WeakCacheData()
        )
        perform(RENAME3Arguments.self, unknown: unknown) {
            (exchange, arguments) throws(NFS3Program.Failure) -> RENAME3Result in
            .failure(
                .readOnly,
                RENAME3Change(
                    fromDirectory: try exchange.target(arguments.from.directory).unchanged,
                    toDirectory: try exchange.target(arguments.to.directory).unchanged
                )
            )
        }
    }

    private mutating func refuseLink() {
        let unknown = LINK3Change(attributes: nil, directoryChange: NFS3WeakCacheData())
        perform(LINK3Arguments.self, unknown: unknown) {
            (exchange, arguments) throws(NFS3Program.Failure) -> LINK3Result in
            .failure(
                .readOnly,
                LINK3Change(
                    attributes: try exchange.target(arguments.file).attributes,
                    directoryChange: try exchange.target(arguments.link.directory).unchanged
                )
            )
        }
    }
}

/// WRITE3args with the data passed over.
private struct WriteHead: XDRDecodable {
    let file: NFS3FileHandle

    init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFS3FileHandle(from: &reader)
        _ = try reader.readUInt64()
        _ = try reader.readUInt32()
        _ = try reader.readEnum(NFS3Stability.self)
        _ = try reader.readOpaque(limit: Int(UInt32.max))
    }
}

extension NFS3Program.Target {
    /// wcc_data of an object that a call left as it was.
    var unchanged: NFS3WeakCacheData {
        let attributes = attributes
        return NFS3WeakCacheData(
            before: NFS3WeakCacheAttributes(
                size: attributes.size,
                modificationTime: attributes.modificationTime,
                changeTime: attributes.changeTime
            ),
            after: attributes
        )
    }
}
