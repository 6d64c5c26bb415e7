import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct HolepunchTests {
    typealias Action = Holepunch.Action
    let start = ContinuousClock.now
    let alice = PeerKey(rawValue: 1)
    let bob = PeerKey(rawValue: 2)
    let carol = PeerKey(rawValue: 3)
    let ours = address([20, 0, 0, 99], 6881)

    func place(_ key: PeerKey) -> PeerAddress { place(Int(key.rawValue)) }
    func place(_ number: Int) -> PeerAddress {
        address([20, 0, UInt8(number / 256), UInt8(number % 256)], 6881)
    }

    /// Connected to alice and bob, who speak it, and to carol, who does not.
    func punching(allowsLocalAddresses: Bool = false) -> Holepunch {
        var holepunch = Holepunch(allowsLocalAddresses: allowsLocalAddresses)
        for key in [alice, bob, carol] {
            holepunch.connected(key, from: place(key))
            holepunch.learned(
                of: key,
                endpoint: place(key),
                ownEndpoint: ours,
                isWilling: key != carol
            )
        }
        return holepunch
    }

    func told(_ number: Int, isWilling: Bool = true) -> PeerExchangeMessage.Peer {
        .init(address: place(number), flags: isWilling ? .supportsHolepunch : [])
    }

    // MARK: Who asks

    @Test func asksWhoHasToldOfThePeerAfterADialThatFailed() {
        var holepunch = punching()
        holepunch.introduced([told(50), told(51, isWilling: false)], by: bob)
        holepunch.introduced([told(52)], by: carol)
        for number in 50...53 { holepunch.dialFailed(place(number), now: start) }
        #expect(holepunch.takeActions() == [.send(.rendezvous(place(50)), to: bob)])
        holepunch.received(.connect(place(50)), from: bob, now: start)
        #expect(holepunch.takeActions() == [.dial(place(50))])
        // That dial fails as well: it is not asked for again soon.
        holepunch.dialFailed(place(50), now: start + .seconds(20))
        #expect(holepunch.takeActions() == [])
        holepunch.dialFailed(place(50), now: start + Holepunch.retryInterval)
        #expect(holepunch.takeActions() == [.send(.rendezvous(place(50)), to: bob)])
    }

    @Test func asksTheNextOneAfterAnError() {
        var holepunch = punching()
        for key in [alice, bob] { holepunch.introduced([told(50)], by: key) }
        holepunch.dialFailed(place(50), now: start)
        #expect(holepunch.takeActions() == [.send(.rendezvous(place(50)), to: alice)])
        // Whoever was not asked has nothing to say.
        holepunch.received(.error(.notConnected, place(50)), from: bob, now: start)
        #expect(holepunch.takeActions() == [])
        holepunch.received(.error(.notConnected, place(50)), from: alice, now: start)
        #expect(holepunch.takeActions() == [.send(.rendezvous(place(50)), to: bob)])
        holepunch.received(.error(.notConnected, place(50)), from: bob, now: start)
        #expect(holepunch.takeActions() == [])
    }

    @Test func remembersNoMoreThanItsTables() {
        var holepunch = punching()
        holepunch.introduced((1000..<9000).map { told($0) }, by: alice)
        for number in 1000..<9000 { holepunch.dialFailed(place(number), now: start) }
        #expect(holepunch.takeActions().count == Holepunch.maximumAskedCount)
        let later = start + Holepunch.retryInterval
        for number in 1000..<9000 { holepunch.dialFailed(place(number), now: later) }
        #expect(holepunch.takeActions().count == Holepunch.maximumAskedCount)
    }

    // MARK: Who passes on

    @Test func tellsBothToDialEachOther() {
        var holepunch = punching()
        holepunch.received(.rendezvous(place(bob)), from: alice, now: start)
        #expect(
            holepunch.takeActions() == [
                .send(.connect(place(alice)), to: bob), .send(.connect(place(bob)), to: alice),
            ]
        )
    }

    @Test func saysWhyNot() {
        var holepunch = punching()
        let answers: [(PeerAddress, HolepunchMessage.Failure)] = [
            (place(carol), .noSupport), (place(50), .notConnected), (ours, .noSelf),
            (place(alice), .noSuchPeer),
        ]
        for (target, failure) in answers {
            holepunch.received(.rendezvous(target), from: alice, now: start)
            #expect(holepunch.takeActions() == [.send(.error(failure, target), to: alice)])
        }
        // Whoever does not speak it hears nothing.
        holepunch.received(.rendezvous(place(alice)), from: carol, now: start)
        holepunch.disconnected(alice)
        holepunch.received(.rendezvous(place(bob)), from: alice, now: start)
        #expect(holepunch.takeActions() == [])
    }

    // MARK: Who is told

    @Test func dialsWhomARelayNames() {
        var holepunch = punching()
        holepunch.received(.connect(place(50)), from: bob, now: start)
        #expect(holepunch.takeActions() == [.dial(place(50))])
    }

    @Test func dialsNobodyThatIsConnectedOrNotToBeReached() {
        var holepunch = punching()
        holepunch.received(.connect(place(alice)), from: bob, now: start)
        holepunch.received(.connect(place(50)), from: carol, now: start)
        for host: [UInt8] in [[127, 0, 0, 1], [10, 1, 2, 3], [0, 0, 0, 0], [230, 1, 1, 1]] {
            holepunch.received(.connect(address(host, 80)), from: bob, now: start)
        }
        #expect(holepunch.takeActions() == [])
        var local = punching(allowsLocalAddresses: true)
        local.received(.connect(address([10, 1, 2, 3], 80)), from: bob, now: start)
        #expect(local.takeActions() == [.dial(address([10, 1, 2, 3], 80))])
    }

    @Test func doesLittleForOnePeer() {
        var holepunch = punching()
        for number in 100..<200 {
            holepunch.received(.connect(place(number)), from: bob, now: start)
            holepunch.received(.rendezvous(place(number)), from: alice, now: start)
        }
        #expect(holepunch.takeActions().count == 2 * Holepunch.maximumPerMinute)
        holepunch.received(.connect(place(100)), from: bob, now: start + .seconds(60))
        #expect(holepunch.takeActions() == [.dial(place(100))])
    }
}
