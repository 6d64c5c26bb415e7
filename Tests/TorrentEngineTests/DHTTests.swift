import BitTorrentProtocol
import NIOCore
import NIOPosix
import Testing

@testable import TorrentEngine

/// Nodes on addresses of their own, because a routing table takes one node of a host.
@Suite struct DHTTests {
    private func node(
        _ number: Int,
        from entry: BootstrapName? = nil,
        in directory: TemporaryDirectory? = nil
    ) async throws -> Node {
        try await Node(try directory ?? TemporaryDirectory()) {
            $0.listenHost = host(number)
            $0.usesDHT = true
            $0.urgentSearchInterval = .seconds(1)
            $0.dhtBootstrap = [entry].compactMap(\.self)
        }
    }

    private func entry(_ number: Int, _ node: Node) -> BootstrapName? {
        BootstrapName("\(host(number)):\(node.session.dhtPort)")
    }

    private func host(_ number: Int) -> String { "127.7.0.\(number + 1)" }

    @Test func aReadNeedsNothingButTheDHT() async throws {
        try await withTimeLimit {
            let first = try await node(0)
            let entry = entry(0, first)
            var nodes = [first]
            for number in 1..<22 { nodes.append(try await node(number, from: entry)) }
            let sample = try Sample(byteCount: 300_000, pieceLength: 1 << 14)
            _ = try await nodes[7].session.addSeed(
                sample.metainfo,
                addedTime: 1,
                content: sample.bytes
            )
            let torrent = try await nodes[21].session.add(sample.metainfo, addedTime: 1)
            let bytes = try await torrent.bytes(sample.range, of: sample)
            #expect(bytes == sample.bytes(sample.range))
            for node in nodes { await node.session.shutdown() }
        }
    }

    @Test func knowsItsWayAfterARestart() async throws {
        try await withTimeLimit {
            let directory = try TemporaryDirectory()
            let first = try await node(30)
            let entry = entry(30, first)
            var others: [Node] = []
            for number in 31..<34 { others.append(try await node(number, from: entry)) }
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            _ = try await others[0].session.addSeed(
                sample.metainfo,
                addedTime: 1,
                content: sample.bytes
            )
            try await read(sample, with: node(40, from: entry, in: directory))
            // No bootstrap node: it has what it saved.
            let second = try Sample(byteCount: 100_000, pieceLength: 1 << 14, seed: 2)
            _ = try await others[1].session.addSeed(
                second.metainfo,
                addedTime: 1,
                content: second.bytes
            )
            try await read(second, with: node(40, in: directory))
            for node in others + [first] { await node.session.shutdown() }
        }
    }

    private func read(_ sample: Sample, with node: Node) async throws {
        let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
        #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
        await node.session.shutdown()
    }

    @Test func aPrivateTorrentIsNotLookedFor() async throws {
        try await withTimeLimit {
            let first = try await node(50)
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14, isPrivate: true)
            let seed = try await first.session.addSeed(
                sample.metainfo,
                addedTime: 1,
                content: sample.bytes
            )
            #expect(await seed.warmed()?.discoveryNeed == nil)
            #expect(await seed.warmed()?.dhtCapability == [])
            let other = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            let open = try await first.session.addSeed(
                other.metainfo,
                addedTime: 1,
                content: other.bytes
            )
            #expect(await open.warmed()?.discoveryNeed != nil)
            #expect(await open.warmed()?.dhtCapability == .dht)
            let idle = try await first.session.add(
                try Sample(byteCount: 100_000, pieceLength: 1 << 14, seed: 3).metainfo,
                addedTime: 1
            )
            #expect(await idle.warmed()?.discoveryNeed == nil)
            await first.session.shutdown()
        }
    }

    @Test func tellsPeersOfItsNodeAndMeetsTheirs() async throws {
        try await withTimeLimit {
            let node = try await node(60)
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            _ = try await node.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            let messages = AsyncStream<PeerMessage>.makeStream()
            let pings = AsyncStream<PeerAddress>.makeStream()
            let udp = try await DatagramBootstrap(group: Node.group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            PacketReport { pings.continuation.yield($0) }
                        )
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let tcp = try await ClientBootstrap(group: Node.group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            MessageReport { messages.continuation.yield($0) }
                        )
                    }
                }
                .connect(host: host(60), port: Int(node.port)).get()
            var generator = SystemRandomNumberGenerator()
            var bytes = ByteBuffer()
            Handshake(
                capabilities: .dht,
                infoHash: sample.infoHash,
                peerID: PeerID(using: &generator)
            ).encode(into: &bytes)
            PeerMessage.port(UInt16(udp.localAddress?.port ?? 0)).encode(into: &bytes)
            try await tcp.writeAndFlush(bytes)
            for await message in messages.stream {
                if case .port(let port) = message {
                    #expect(port == node.session.dhtPort)
                    break
                }
            }
            for await address in pings.stream {
                #expect(address.port == node.session.dhtPort)
                break
            }
            try await tcp.close()
            try await udp.close()
            await node.session.shutdown()
        }
    }

    @Test(arguments: ["router.example.org:6881", "10.0.0.1:1", "[::1]:6881"])
    func readsBootstrapNames(text: String) { #expect(BootstrapName(text)?.description == text) }

    @Test(arguments: ["router.example.org", "a:0", "a:70000", ":1", "a:1/x", "::1:6881", "a b:1"])
    func refusesWhatIsNoBootstrapName(text: String) { #expect(BootstrapName(text) == nil) }
}

private final class PacketReport: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let report: (PeerAddress) -> Void
    init(_ report: @escaping (PeerAddress) -> Void) { self.report = report }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let address = PeerAddress(unwrapInboundIn(data).remoteAddress) { report(address) }
    }
}

private final class MessageReport: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let report: (PeerMessage) -> Void
    private var received = ByteBuffer()
    private var isOpen = false
    init(_ report: @escaping (PeerMessage) -> Void) { self.report = report }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        do {
            if !isOpen { isOpen = try Handshake(consuming: &received) != nil }
            while isOpen, let message = try PeerMessageDecoder().decode(&received) {
                report(message)
            }
        } catch {
            context.close(promise: nil)
        }
    }
}
