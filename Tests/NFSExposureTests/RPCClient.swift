import Glibc
import NFSProtocol
import NIOCore
import NIOPosix
import ONCRPC
import Testing

enum MultiThreadedEventLoops {
    static func other(than loop: any EventLoop) -> any EventLoop {
        MultiThreadedEventLoopGroup.singleton.next()
    }
}

struct ClientError: Error {
    let what: String
}

struct Reply {
    let xid: UInt32
    let reply: RPCReply
    let results: ByteBuffer
    /// The whole record.
    let record: ByteBuffer

    func decode<T: XDRDecodable>(_ type: T.Type) throws -> T {
        try results.decodeArguments(type, slack: 0)
    }
}

/// Speaks RPC over a blocking socket, as raw as a test needs it.
final class RPCClient {
    private let socket: Int32
    private var nextXID: UInt32 = 1

    /// - Parameter timeout: seconds after which a test that hangs fails instead.
    init(port: Int, timeout: Int = 120) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        // Else the kernel takes up to 32 MiB for it that nobody asked for yet.
        var window: Int32 = 1 << 20
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &window, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw ClientError(what: "connect: \(errno)") }
    }

    deinit { close() }

    private var isOpen = true

    func close() {
        if isOpen { Glibc.close(socket) }
        isOpen = false
    }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    socket,
                    $0.baseAddress?.advanced(by: sent),
                    bytes.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { throw ClientError(what: "send: \(errno)") }
            sent += count
        }
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes {
                recv(socket, $0.baseAddress?.advanced(by: filled), count - filled, 0)
            }
            guard got > 0 else { throw ClientError(what: got == 0 ? "closed" : "recv: \(errno)") }
            filled += got
        }
        return bytes
    }

    /// Whether the server closed the connection; waits for it.
    var isClosedByServer: Bool {
        do {
            _ = try read(1)
            return false
        } catch {
            return true
        }
    }

    func receive() throws -> Reply {
        let mark = try read(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        #expect(mark & 0x8000_0000 != 0)
        #expect(mark % 4 == 0, "s08: a record is a multiple of four bytes")
        let record = ByteBuffer(bytes: try read(Int(mark & 0x7fff_ffff)))
        var results = record
        let (xid, reply) = try RPCReply.decode(consuming: &results)
        return Reply(xid: xid, reply: reply, results: results, record: record)
    }

    func newXID() -> UInt32 {
        defer { nextXID += 1 }
        return nextXID
    }

    static let user = Credential.sys(AuthSys(machineName: "test", uid: 1000, gid: 1000))

    /// A call as bytes, without a record mark.
    static func message(
        xid: UInt32,
        program: UInt32 = ProgramNumber.nfs,
        version: UInt32 = 3,
        _ procedure: UInt32,
        _ arguments: some XDREncodable,
        credential: Credential = user
    ) -> [UInt8] {
        var buffer = ByteBuffer()
        RPCCall(
            xid: xid,
            program: program,
            version: version,
            procedure: procedure,
            credential: credential
        ).encode(into: &buffer)
        buffer.writeXDR(arguments)
        return Array(buffer.readableBytesView)
    }

    static func record(_ message: [UInt8]) -> [UInt8] {
        let mark = 0x8000_0000 | UInt32(message.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: mark >> (24 - 8 * $0)) } + message
    }

    @discardableResult
    func start(
        _ procedure: NFS3Procedure,
        _ arguments: some XDREncodable,
        xid: UInt32? = nil
    ) throws -> UInt32 {
        let xid = xid ?? newXID()
        try send(Self.record(Self.message(xid: xid, procedure.rawValue, arguments)))
        return xid
    }

    func request(
        program: UInt32 = ProgramNumber.nfs,
        version: UInt32 = 3,
        _ procedure: UInt32,
        _ arguments: some XDREncodable,
        credential: Credential = user
    ) throws -> Reply {
        let xid = newXID()
        try send(
            Self.record(
                Self.message(
                    xid: xid,
                    program: program,
                    version: version,
                    procedure,
                    arguments,
                    credential: credential
                )
            )
        )
        let reply = try receive()
        #expect(reply.xid == xid)
        return reply
    }

    func nfs<T: XDRDecodable>(
        _ procedure: NFS3Procedure,
        _ arguments: some XDREncodable,
        as type: T.Type
    ) throws -> T {
        let reply = try request(procedure.rawValue, arguments)
        #expect(reply.reply == .success)
        return try reply.decode(type)
    }

    func mount(_ path: String) throws -> NFS3FileHandle {
        let result = try mountResult(path)
        guard case .success(let handle, _) = result else { throw ClientError(what: "\(result)") }
        return handle
    }

    func mountResult(_ path: String) throws -> Mount3Result {
        try request(
            program: ProgramNumber.mount,
            MountProcedure.mount.rawValue,
            MountPath(path: Array(path.utf8))
        ).decode(Mount3Result.self)
    }

    func lookupResult(_ name: [UInt8], in directory: NFS3FileHandle) throws -> LOOKUP3Result {
        try nfs(
            .lookup,
            LOOKUP3Arguments(what: NFS3DirectoryOperation(directory: directory, name: name)),
            as: LOOKUP3Result.self
        )
    }

    func lookup(_ name: String, in directory: NFS3FileHandle) throws -> NFS3FileHandle {
        let result = try lookupResult(Array(name.utf8), in: directory)
        guard case .success(let found) = result else { throw ClientError(what: "\(result)") }
        return found.object
    }

    func attributes(_ object: NFS3FileHandle) throws -> GETATTR3Result {
        try nfs(.getAttributes, GETATTR3Arguments(object: object), as: GETATTR3Result.self)
    }
}

/// A READ result with its data.
struct ReadResult {
    let result: READ3Result
    let data: [UInt8]

    init(_ reply: Reply) throws {
        var results = reply.results
        let decoded = try results.readXDR(READ3Result.self)
        result = decoded
        guard case .success(let header) = decoded else {
            #expect(results.readableBytes == 0)
            data = []
            return
        }
        data = Array(results.readableBytesView.prefix(Int(header.count)))
        let padding = results.readableBytesView.dropFirst(Int(header.count))
        #expect(padding.count == header.paddingByteCount)
        #expect(padding.allSatisfy { $0 == 0 }, "s08: padding is zero")
    }

    var status: NFS3Status {
        switch result {
        case .success: .ok
        case .failure(let status, _): status
        }
    }

    var isEndOfFile: Bool? {
        guard case .success(let header) = result else { return nil }
        return header.isEndOfFile
    }
}

extension RPCClient {
    func read(_ file: NFS3FileHandle, at offset: UInt64, count: UInt32) throws -> ReadResult {
        try ReadResult(
            request(
                NFS3Procedure.read.rawValue,
                READ3Arguments(file: file, offset: offset, count: count)
            )
        )
    }
}
