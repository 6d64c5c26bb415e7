import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct PeerExtensionsTests {
    typealias Action = PeerExtensions.Action
    let start = ContinuousClock.now
    let alice = PeerKey(rawValue: 1)
    let bob = PeerKey(rawValue: 2)
    let metadata = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func extensions(_ metadata: PeerExtensions.Metadata) -> PeerExtensions {
        PeerExtensions(metadata: metadata, maximumRequestCount: 500, allowsLocalAddresses: true)
    }
    private func connect(
        _ extensions: inout PeerExtensions,
        _ key: PeerKey,
        isIncoming: Bool = false,
        by transport: Transport = .tcp,
        isExtended: Bool = true
    ) {
        extensions.connected(
            key,
            address: localAddress(port: UInt16(6000 + key.rawValue)),
            isIncoming: isIncoming,
            by: transport,
            isExtended: isExtended,
            greeting: .init(listenPort: 6881, isUploadOnly: false)
        )
    }
    /// The peer names its ids: 21 for `ut_pex`, 22 for `ut_metadata`.
    private func greet(
        _ extensions: inout PeerExtensions,
        as key: PeerKey,
        _ change: (inout ExtensionHandshake) -> Void = { _ in }
    ) {
        var handshake = ExtensionHandshake()
        handshake.messageIDs = ["ut_pex": 21, "ut_metadata": 22]
        change(&handshake)
        extensions.received(id: 0, handshake.encode(), from: key, now: start)
    }
    private func ask(_ extensions: inout PeerExtensions, _ block: Int, as key: PeerKey) {
        let request = MetadataMessage.request(block: block)
        extensions.received(
            id: PeerExtension.metadata.localID,
            request.encode(),
            from: key,
            now: start
        )
    }
    private func handshake(in actions: [Action]) throws -> ExtensionHandshake {
        guard case .send(id: 0, let payload, alice)? = actions.first, actions.count == 1 else {
            throw Missing()
        }
        return try ExtensionHandshake(decoding: payload)
    }
    private struct Missing: Error {}

    @Test func tellsWhatItCanDo() throws {
        var extensions = extensions(.stored(byteCount: 20_000, isPrivate: false))
        connect(&extensions, alice)
        let handshake = try handshake(in: extensions.takeActions())
        #expect(
            Set(handshake.messageIDs.keys) == [
                "ut_pex", "ut_metadata", "upload_only", "lt_donthave",
            ]
        )
        #expect(handshake.client == "Sluice 0.1")
        #expect(handshake.port == 6881)
        #expect(handshake.maximumRequestCount == 500)
        #expect(handshake.metadataByteCount == 20_000)
        #expect(handshake.receiverHost == [127, 0, 0, 1])
    }

    @Test func aPrivateTorrentOffersAndGivesNothing() throws {
        var extensions = extensions(.stored(byteCount: 20_000, isPrivate: true))
        connect(&extensions, alice)
        let handshake = try handshake(in: extensions.takeActions())
        #expect(Set(handshake.messageIDs.keys) == ["upload_only", "lt_donthave"])
        #expect(handshake.metadataByteCount == nil)
        connect(&extensions, bob)
        greet(&extensions, as: bob)
        greet(&extensions, as: alice)
        _ = extensions.takeActions()
        ask(&extensions, 0, as: alice)
        #expect(
            extensions.takeActions()
                == [.send(id: 22, MetadataMessage.reject(block: 0).encode(), to: alice)]
        )
        let told = PeerExchangeMessage(added: [.init(address: localAddress(port: 9))])
        extensions.received(id: 1, told.encode(), from: alice, now: start)
        #expect(extensions.takeActions() == [])
        #expect(extensions.nextDeadline == nil)
    }

    @Test func tellsWhetherDataIsWantedAndWhatIsLost() throws {
        var extensions = extensions(.stored(byteCount: 20_000, isPrivate: false))
        for key in [alice, bob] { connect(&extensions, key) }
        var handshake = ExtensionHandshake()
        handshake.messageIDs = ["upload_only": 8, "lt_donthave": 9]
        extensions.received(id: 0, handshake.encode(), from: alice, now: start)
        _ = extensions.takeActions()
        extensions.tellUploadOnly(true)
        extensions.tellLost(PieceIndex(0x0102), to: alice)
        // It speaks neither.
        extensions.tellLost(PieceIndex(0x0102), to: bob)
        #expect(
            extensions.takeActions() == [
                .send(id: 8, [1], to: alice), .send(id: 9, [0, 0, 1, 2], to: alice),
            ]
        )
    }

    @Test func passesOnWhatPeersSayOfThemselvesAndOfUs() {
        var extensions = extensions(.stored(byteCount: 20_000, isPrivate: false))
        connect(&extensions, alice)
        var handshake = ExtensionHandshake()
        handshake.isUploadOnly = true
        handshake.receiverHost = [1, 2, 3, 4]
        _ = extensions.takeActions()
        extensions.received(id: 0, handshake.encode(), from: alice, now: start)
        extensions.received(id: PeerExtension.uploadOnly.localID, [0], from: alice, now: start)
        let lost = PeerExtension.dontHave.localID
        extensions.received(id: lost, [0, 0, 1, 2], from: alice, now: start)
        for broken in [[], [0, 0, 1], [0, 0, 0, 1, 2]] as [[UInt8]] {
            extensions.received(id: lost, broken, from: alice, now: start)
        }
        #expect(
            extensions.takeActions() == [
                .uploadOnly(true, of: alice), .ownHost([1, 2, 3, 4], by: alice),
                .uploadOnly(false, of: alice), .dontHave(piece: 0x0102, of: alice),
            ]
        )
    }

    @Test func bringsPeersTogetherThatCannotBeDialled() throws {
        var extensions = PeerExtensions(
            metadata: .stored(byteCount: 1, isPrivate: false),
            maximumRequestCount: 500,
            allowsLocalAddresses: true,
            dialsByUTP: true
        )
        connect(&extensions, alice)
        let handshake = try handshake(in: extensions.takeActions())
        #expect(handshake.messageIDs["ut_holepunch"] == PeerExtension.holepunch.localID)
        connect(&extensions, bob, isIncoming: true, by: .utp)
        _ = extensions.takeActions()
        for key in [alice, bob] {
            greet(&extensions, as: key) { $0.messageIDs["ut_holepunch"] = 23 }
        }
        let aboutAlice = PeerExchangeMessage(
            added: [
                .init(address: localAddress(port: 6001), flags: [.reachable, .supportsHolepunch])
            ]
        )
        // By uTP it connects from where it listens.
        let flags: PeerExchangeMessage.Flags = [.supportsUTP, .supportsHolepunch]
        let aboutBob = PeerExchangeMessage(
            added: [.init(address: localAddress(port: 6002), flags: flags)]
        )
        #expect(
            extensions.takeActions() == [
                .send(id: 21, aboutAlice.encode(), to: bob)
            ]
        )
        extensions.timerFired(now: start + .seconds(60))
        #expect(extensions.takeActions() == [.send(id: 21, aboutBob.encode(), to: alice)])
        let rendezvous = HolepunchMessage.rendezvous(localAddress(port: 6001))
        let id = PeerExtension.holepunch.localID
        extensions.received(id: id, rendezvous.encode(), from: bob, now: start)
        #expect(
            extensions.takeActions() == [
                .send(
                    id: 23,
                    HolepunchMessage.connect(localAddress(port: 6002)).encode(),
                    to: alice
                ),
                .send(id: 23, HolepunchMessage.connect(localAddress(port: 6001)).encode(), to: bob),
            ]
        )
        let connect = HolepunchMessage.connect(localAddress(port: 6003))
        extensions.received(id: id, connect.encode(), from: bob, now: start)
        #expect(extensions.takeActions() == [.punch(localAddress(port: 6003))])
    }

    @Test func aPrivateTorrentPunchesNoHoles() throws {
        var extensions = PeerExtensions(
            metadata: .stored(byteCount: 1, isPrivate: true),
            maximumRequestCount: 500,
            allowsLocalAddresses: true,
            dialsByUTP: true
        )
        connect(&extensions, alice)
        #expect(try handshake(in: extensions.takeActions()).messageIDs["ut_holepunch"] == nil)
        greet(&extensions, as: alice) { $0.messageIDs["ut_holepunch"] = 23 }
        let connect = HolepunchMessage.connect(localAddress(port: 6003))
        let id = PeerExtension.holepunch.localID
        extensions.received(id: id, connect.encode(), from: alice, now: start)
        #expect(extensions.takeActions() == [])
    }

    @Test func saysNothingToAPeerWithoutExtensions() {
        var extensions = extensions(.unknown)
        connect(&extensions, alice, isExtended: false)
        #expect(extensions.takeActions() == [])
    }

    @Test func loadsItsMetadataWhenAPeerAsksAndServesItUnderThePeersID() {
        var extensions = extensions(.stored(byteCount: 20_000, isPrivate: false))
        connect(&extensions, alice)
        greet(&extensions, as: alice)
        _ = extensions.takeActions()
        ask(&extensions, 1, as: alice)
        ask(&extensions, 5, as: alice)
        #expect(extensions.takeActions() == [.loadMetadata])
        extensions.loaded(metadata, now: start)
        let data = MetadataMessage.data(
            block: 1,
            totalByteCount: 20_000,
            payload: Array(metadata[16384...])
        )
        #expect(
            extensions.takeActions() == [
                .send(id: 22, data.encode(), to: alice),
                .send(id: 22, MetadataMessage.reject(block: 5).encode(), to: alice),
            ]
        )
        // Once the last peer is gone, so is the metadata.
        extensions.disconnected(alice, now: start)
        connect(&extensions, bob)
        greet(&extensions, as: bob)
        _ = extensions.takeActions()
        ask(&extensions, 0, as: bob)
        #expect(extensions.takeActions() == [.loadMetadata])
        extensions.loaded(nil, now: start)
        #expect(
            extensions.takeActions()
                == [.send(id: 22, MetadataMessage.reject(block: 0).encode(), to: bob)]
        )
    }

    @Test func passesOnHowManyRequestsAPeerKeeps() {
        var extensions = extensions(.stored(byteCount: 1, isPrivate: false))
        connect(&extensions, alice)
        _ = extensions.takeActions()
        greet(&extensions, as: alice) { $0.maximumRequestCount = 77 }
        #expect(extensions.takeActions() == [.limitRequests(77, of: alice)])
    }

    @Test func tellsPeersOfEachOtherByWhereTheyListen() {
        var extensions = extensions(.stored(byteCount: 1, isPrivate: false))
        connect(&extensions, alice)
        connect(&extensions, bob, isIncoming: true)
        _ = extensions.takeActions()
        greet(&extensions, as: bob) {
            $0.port = 7777
            $0.isUploadOnly = true
        }
        let aboutAlice = PeerExchangeMessage(
            added: [.init(address: localAddress(port: 6001), flags: .reachable)]
        )
        #expect(
            extensions.takeActions() == [
                .uploadOnly(true, of: bob), .send(id: 21, aboutAlice.encode(), to: bob),
            ]
        )
        greet(&extensions, as: alice)
        let aboutBob = PeerExchangeMessage(
            added: [.init(address: localAddress(port: 7777), flags: .uploadOnly)]
        )
        #expect(extensions.takeActions() == [.send(id: 21, aboutBob.encode(), to: alice)])
        #expect(extensions.nextDeadline == start + .seconds(60))
    }

    @Test func findsPeersOfWhichOthersTell() {
        var extensions = extensions(.unknown)
        connect(&extensions, alice)
        greet(&extensions, as: alice)
        _ = extensions.takeActions()
        let told = PeerExchangeMessage(added: [.init(address: localAddress(port: 9))])
        extensions.received(id: 1, told.encode(), from: alice, now: start)
        #expect(extensions.takeActions() == [.found([localAddress(port: 9)])])
    }

    @Test func ignoresWhatItCannotRead() {
        var extensions = extensions(.unknown)
        connect(&extensions, alice)
        greet(&extensions, as: alice)
        _ = extensions.takeActions()
        var generator = SeededGenerator(seed: 1)
        // A byte and four bytes are a message already of the two that are left out.
        let terse = [PeerExtension.uploadOnly, .dontHave].map(\.localID)
        for id in UInt8(0)...9 where !terse.contains(id) {
            for length in 0..<200 {
                let payload = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
                extensions.received(id: id, payload, from: alice, now: start)
            }
            extensions.received(id: id, Array("de".utf8), from: bob, now: start)
        }
        #expect(extensions.takeActions() == [])
    }
}
