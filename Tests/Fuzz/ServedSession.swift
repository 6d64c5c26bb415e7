import BitTorrentProtocol
import Logging
import NFSExposure
import NFSProtocol
import NIOCore
import NIOEmbedded
import ONCRPC
import Synchronization
import TestSupport
import VirtualTree

/// A server without sockets: calls go through everything but them, one after another on connections
/// that last, and the replies are looked at.
final class ServedSession: Sendable {
    enum Service: Sendable { case nfs, portmapper }

    private struct Connection {
        let channel: EmbeddedChannel
        /// What was received of a reply whose end has not come.
        var received = ByteBuffer()
        var isTakingNothing = false
    }

    private let service: Service
    private let tree = FuzzTree()
    private let loop = EmbeddedEventLoop()
    private let handles: FileHandleCodec
    private let server: NFSServer
    private let peer: IPAddress
    private let address: SocketAddress
    private let datagrams: EmbeddedChannel
    private let connection = Mutex<Connection?>(nil)

    /// - Throws: if it cannot be made, which has nothing to do with what it is fed.
    init(_ service: Service) throws {
        self.service = service
        guard let handles = FileHandleCodec(key: Array(0...15)), let peer = IPAddress("192.0.2.7")
        else { throw Decoder.BrokenPromise("no server can be made") }
        (self.handles, self.peer) = (handles, peer)
        address = try SocketAddress(ipAddress: "192.0.2.1", port: 2049)
        var configuration = NFSServerConfiguration()
        // Real time passes quickly here, and what waits must come to its end.
        configuration.limits.waitPolicy = ReadWaitPolicy(
            stallTimeout: .milliseconds(20),
            prefixPatience: .milliseconds(5),
            noticeAfter: .milliseconds(10)
        )
        let exports =
            "/torrents *(ro,insecure)\n/torrents/films 192.0.2.0/24(ro,sec=sys,insecure)\n"
        server = NFSServer(
            configuration: configuration,
            tree: tree,
            handles: handles,
            exports: try ExportFile.parse(exports.utf8, file: "exports", resolve: { _ in [] })
                .table,
            group: loop,
            logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        )
        datagrams = EmbeddedChannel(loop: loop)
        try server.serve(datagramsOf: datagrams)
    }

    /// Sends one message.
    ///
    /// - Returns: whether a call of it was carried out.
    /// - Throws: `BrokenPromise` if a reply is none.
    func send(_ message: [UInt8], using mutator: inout Mutator) throws -> Bool {
        var message = message
        if Bool.random(using: &mutator) { sign(&message, using: &mutator) }
        let choice = Int.random(in: 0..<256, using: &mutator)
        if choice < 16, service == .nfs { return try sendDatagram(message) }
        var current = try connection.withLock { $0 } ?? connect()
        try current.channel.writeInbound(stream(message, using: &mutator))
        pass(choice)
        changeHaste(of: &current, choice)
        let isDone = try takeReplies(&current)
        let isOpen = current.channel.isActive
        connection.withLock { $0 = isOpen ? current : nil }
        return isDone
    }

    /// The client takes nothing for a while, and then all of it.
    private func changeHaste(of connection: inout Connection, _ choice: Int) {
        let willTakeNothing =
            switch choice {
            case 60..<68: true
            case 68..<100: false
            default: connection.isTakingNothing
            }
        guard willTakeNothing != connection.isTakingNothing else { return }
        connection.isTakingNothing = willTakeNothing
        let event = willTakeNothing ? HastyClient.Event.takesNothing : .takesAll
        connection.channel.triggerUserOutboundEvent(event, promise: nil)
        loop.run()
    }

    /// Time and other things that pass between calls.
    private func pass(_ choice: Int) {
        switch choice {
        case 36: loop.advanceTime(by: .seconds(31))
        case 37: tree.endWaits(leaving: 0, with: .removed)
        case 38: tree.endWaits(leaving: 4, with: .failed)
        case 39..<60: tree.endWaits(leaving: 8, with: .verified(.max))
        default: break
        }
        loop.run()
    }

    /// As a record in one part or two, or with a record mark that lies.
    private func stream(_ message: [UInt8], using mutator: inout Mutator) -> ByteBuffer {
        var buffer = ByteBuffer()
        func put(_ bytes: ArraySlice<UInt8>, isLast: Bool, lie: Int = 0) {
            let length = UInt32(truncatingIfNeeded: bytes.count + lie) & 0x7FFF_FFFF
            buffer.writeInteger(length | (isLast ? 0x8000_0000 : 0))
            buffer.writeBytes(bytes)
        }
        switch Int.random(in: 0..<32, using: &mutator) {
        case 0: put(message[...], isLast: true, lie: Int.random(in: -64...64, using: &mutator))
        case 1..<8:
            let cut = Int.random(in: 0...message.count, using: &mutator)
            put(message[..<cut], isLast: false)
            put(message[cut...], isLast: true)
        default: put(message[...], isLast: true)
        }
        return buffer
    }

    /// Puts a good handle in the place of the one in the message, or no call would come far.
    private func sign(_ message: inout [UInt8], using mutator: inout Mutator) {
        let length = UInt8(FileHandleCodec.byteCount)
        let start = message.indices.dropLast(FileHandleCodec.byteCount + 3).first {
            message[$0] == 0 && message[$0 + 1] == 0 && message[$0 + 2] == 0
                && message[$0 + 3] == length
        }
        guard let start else { return }
        let exportIDs = server.exports.exports.map(\.id)
        let kinds: [FileID.Kind] = [.root, .route, .torrentDirectory, .torrentFile, .torrentFile]
        let kind = kinds.randomElement(using: &mutator) ?? .root
        let hasHash = kind == .torrentFile || kind == .torrentDirectory
        let id = FileID(
            kind: kind,
            route: kind == .root ? 0 : 7,
            infoHash: hasHash ? InfoHash(bytes: 0..<20) : nil,
            index: hasHash ? UInt32.random(in: 0..<1010, using: &mutator) : 0
        )
        let exportID = exportIDs.randomElement(using: &mutator) ?? 0
        handles.encode(FileHandle(exportID: exportID, id: id)).withUnsafeBytes {
            message.replaceSubrange(start + 4..<start + 4 + $0.count, with: $0)
        }
    }

    private func connect() throws -> Connection {
        let channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(HastyClient())
        switch service {
        case .nfs: try server.serve(connection: channel, from: peer, port: 900)
        case .portmapper: try server.servePortmapper(connection: channel, at: address)
        }
        channel.connect(to: address, promise: nil)
        return Connection(channel: channel)
    }

    private func sendDatagram(_ message: [UInt8]) throws -> Bool {
        let remote = try SocketAddress(ipAddress: "192.0.2.7", port: 900)
        try datagrams.writeInbound(
            AddressedEnvelope(remoteAddress: remote, data: ByteBuffer(bytes: message))
        )
        var isDone = false
        while let reply = try datagrams.readOutbound(as: AddressedEnvelope<ByteBuffer>.self) {
            isDone = try Self.isSuccess(reply.data)
        }
        return isDone
    }

    private func takeReplies(_ connection: inout Connection) throws -> Bool {
        let channel = connection.channel
        while var bytes = try channel.readOutbound(as: ByteBuffer.self) {
            connection.received.writeBuffer(&bytes)
        }
        var isDone = false
        while let reply = connection.received.readReply() {
            if try Self.isSuccess(reply) { isDone = true }
        }
        connection.received.discardReadBytes()
        let mayLackBytes = connection.isTakingNothing || !channel.isActive
        try promise(
            connection.received.readableBytes == 0 || mayLackBytes,
            "a reply has no end"
        )
        return isDone
    }

    private static func isSuccess(_ reply: ByteBuffer) throws -> Bool {
        let words = (0..<6).map {
            reply.getInteger(at: reply.readerIndex + 4 * $0, as: UInt32.self)
        }
        try promise(words[1] == 1 && reply.readableBytes % 4 == 0, "a reply is no reply")
        return words[2] == 0 && words[5] == 0
    }
}

extension ByteBuffer {
    /// A whole record, which servers send as one fragment; `nil` if more bytes have to come first.
    fileprivate mutating func readReply() -> ByteBuffer? {
        guard let mark = getInteger(at: readerIndex, as: UInt32.self) else { return nil }
        let length = Int(mark & 0x7FFF_FFFF)
        guard readableBytes >= 4 + length else { return nil }
        moveReaderIndex(forwardBy: 4)
        return readSlice(length: length)
    }
}

/// The client's end of a connection, which takes what is sent at once, or nothing until it is told to.
private final class HastyClient: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    enum Event: Sendable { case takesNothing, takesAll }

    private var takesNothing = false

    func flush(context: ChannelHandlerContext) {
        if !takesNothing { context.flush() }
    }

    /// What waits is forgotten by an embedded channel that closes, where a socket says that it failed.
    func close(
        context: ChannelHandlerContext,
        mode: CloseMode,
        promise: EventLoopPromise<Void>?
    ) {
        context.flush()
        context.close(mode: mode, promise: promise)
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext,
        event: Any,
        promise: EventLoopPromise<Void>?
    ) {
        takesNothing = event as? Event == .takesNothing
        if !takesNothing { context.flush() }
        promise?.succeed()
    }
}
