import BitTorrentProtocol
// For the codes of errors.
import Glibc
import Logging
import NIOCore
import Synchronization
import TorrentLogic

/// The connections of all torrents of a session, as far as their number goes.
///
/// Torrents live on different event loops; each dial and each connection takes this lock once.
final class Connections: Sendable {
    private struct State {
        var dials: DialQueue<InfoHash>
        var budget: ConnectionBudget<InfoHash>
        var incoming: IncomingConnections
        var shortage = SocketShortage()
        /// Those with a dial that waits or is under way, or with a connection.
        var owners: [InfoHash: any PeerOwner] = [:]
        var isTimerSet = false
    }

    private let state: Mutex<State>
    private let loop: any EventLoop
    private let logger: Logger

    init(_ limits: ConnectionLimits, loop: any EventLoop, logger: Logger) {
        self.loop = loop
        self.logger = logger
        state = Mutex(
            State(
                dials: DialQueue(limits: limits, now: .now),
                budget: ConnectionBudget(maximum: limits.maximum),
                incoming: IncomingConnections(limits: limits)
            )
        )
    }

    func setLimits(_ limits: ConnectionLimits) {
        let surplus = state.withLock { state in
            state.dials.setLimits(limits, now: .now)
            state.incoming.setLimits(limits)
            return state.budget.setMaximum(limits.maximum).compactMap { infoHash, count in
                state.owners[infoHash].map { ($0, count) }
            }
        }
        giveUp(surplus)
        beginDials()
    }

    private func giveUp(_ surplus: [(any PeerOwner, Int)]) {
        for (owner, count) in surplus {
            for _ in 0..<count { owner.loop.execute { owner.giveUpConnection() } }
        }
    }

    /// A connection of ours or of a peer has found no socket.
    ///
    /// - Parameter error: another error than such a lack is passed over.
    func failed(because error: any Error, to address: PeerAddress? = nil) {
        guard let error = error as? IOError, error.meansLackOfSockets(to: address) else { return }
        let (relief, surplus) = state.withLock { state in
            let relief = state.shortage.occurred(now: .now)
            guard let relief else { return (relief, [(any PeerOwner, Int)]()) }
            state.dials.pause(until: relief.pausesUntil)
            return (
                relief,
                state.budget.surplus(of: relief.connectionCount).compactMap { infoHash, count in
                    state.owners[infoHash].map { ($0, count) }
                }
            )
        }
        guard let relief else { return }
        giveUp(surplus)
        beginDials()
        guard relief.isNews else { return }
        logger.warning(
            """
            the system gives no further sockets (\(error.reason)); peers of little use are left: lower \
            “bittorrent: connections” or raise the limit of open files (ulimit -n)
            """
        )
    }

    /// The torrent is gone.
    func leave(_ owner: any PeerOwner) {
        state.withLock { state in
            state.dials.drop(owner.infoHash)
            state.owners[owner.infoHash] = nil
        }
        beginDials()
    }

    // MARK: Dials

    /// Dials as soon as the limits allow; the torrent learns the end as with `PeerOwner.dial`.
    func dial(_ address: PeerAddress, for owner: any PeerOwner) {
        state.withLock { state in
            state.owners[owner.infoHash] = owner
            state.dials.enqueue(address, for: owner.infoHash)
        }
        beginDials()
    }

    /// Dials at once and by uTP, because the peer dials us at the same moment (BEP 55).
    ///
    /// To be called on the owner's loop.
    func punch(to address: PeerAddress, for owner: any PeerOwner) {
        state.withLock { state in
            state.owners[owner.infoHash] = owner
            state.dials.began(for: owner.infoHash)
        }
        owner.dial(address, by: .utp)
    }

    /// A dial of the torrent has connected or failed.
    func dialEnded(for owner: any PeerOwner) {
        state.withLock { $0.dials.ended(for: owner.infoHash) }
        beginDials()
    }

    private func beginDials() {
        let now = ContinuousClock.now
        let (ready, delay) = state.withLock { state in
            let ready = state.dials.takeReady(now: now).compactMap { dial in
                state.owners[dial.owner].map { ($0, dial.address) }
            }
            var delay: Duration?
            if !state.isTimerSet, let next = state.dials.nextDeadline(now: now) {
                state.isTimerSet = true
                delay = next - now
            }
            return (ready, delay)
        }
        for (owner, address) in ready {
            if owner.loop.inEventLoop {
                owner.dial(address)
            } else {
                owner.loop.execute { owner.dial(address) }
            }
        }
        guard let delay else { return }
        loop.scheduleTask(in: TimeAmount(max(delay, .milliseconds(1)))) {
            self.state.withLock { $0.isTimerSet = false }
            self.beginDials()
        }
    }

    // MARK: Connections

    /// A handshake is done, and the connection is counted until its channel closes.
    ///
    /// - Returns: false if it is to be closed, because there are too many.
    func opened(_ channel: any Channel, for owner: any PeerOwner) -> Bool {
        let infoHash = owner.infoHash
        let (isAdmitted, largest) = state.withLock { state -> (Bool, (any PeerOwner)?) in
            switch state.budget.opened(for: infoHash) {
            case .refused: return (false, nil)
            case .admitted:
                state.owners[infoHash] = owner
                return (true, nil)
            case .admittedInPlaceOf(let other):
                state.owners[infoHash] = owner
                return (true, state.owners[other])
            }
        }
        guard isAdmitted else { return false }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.budget.closed(for: infoHash) }
        }
        if let largest { largest.loop.execute { largest.giveUpConnection() } }
        return true
    }

    // MARK: Incoming

    /// Lets an accepted connection in and counts it until its channel closes.
    ///
    /// To be called on the channel's event loop.
    ///
    /// - Throws: if it is to be closed at once.
    func admit(_ channel: any Channel, _ connection: PeerConnection, filter: PeerFilter) throws {
        guard let address = channel.remoteAddress.flatMap({ PeerAddress($0) }),
            filter.allows(address), state.withLock({ $0.incoming.accepted(from: address) })
        else { throw ChannelError.inappropriateOperationForState }
        let connection = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in
            let wasIdentified = connection.value.isIdentified
            self.state.withLock { $0.incoming.closed(address, wasIdentified: wasIdentified) }
        }
    }

    /// The handshake of a connection that was admitted is done.
    func identified(_ address: PeerAddress) { state.withLock { $0.incoming.identified(address) } }
}

extension IOError {
    /// - Parameter address: where a connection was to lead; `nil` of one from a peer.
    fileprivate func meansLackOfSockets(to address: PeerAddress?) -> Bool {
        switch errnoCode {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
        // No local port is left. With IPv6 it means that there is none here.
        case EADDRNOTAVAIL: address?.isIPv6 == false
        default: false
        }
    }

    fileprivate var reason: String { String(cString: strerror(errnoCode)) }
}
