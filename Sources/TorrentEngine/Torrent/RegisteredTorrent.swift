package import BitTorrentProtocol
import Logging
package import NIOCore
import PieceStorage
import StateStore
import Synchronization
import TorrentLogic

/// A torrent of the session, whether it is at work or not.
///
/// Of a cold one this object is all there is in memory: its metainfo, its pieces and its peers are in
/// the store until something needs them. Then a `Torrent` is made of them, off the event loops, and
/// what was asked meanwhile waits for it as READs do; it ends when nothing needs it any more.
/// Whoever holds a registered torrent never sees the difference.
package final class RegisteredTorrent: Sendable {
    package let infoHash: InfoHash
    /// The whole hash of a v2 or hybrid torrent (BEP 52).
    package let version2Hash: Version2InfoHash?
    let swarmHashes: SwarmHashes
    /// When the torrent was first registered, seconds since 1970; it never changes.
    package let addedTime: Int64
    /// `creation date` of the metainfo, seconds since 1970.
    package let creationDate: Int64?

    enum Phase {
        case cold
        case warming
        case warm(Torrent)
        /// Says goodbye; what it has is still served.
        case cooling(Torrent)
        /// Something is done to the files of a cold torrent.
        case held
        case over(End)
    }

    /// How a registered torrent ends.
    enum End {
        case removed
        /// The session has ended.
        case session
    }

    /// What is wished of the torrent, and what is known of it while it is cold.
    struct Traits: OptionSet {
        let rawValue: UInt8
        /// A route wants it to be seeded at all times.
        static let seeds = Self(rawValue: 1)
        static let holdsPieces = Self(rawValue: 2)
        static let hasSeededEnough = Self(rawValue: 4)
        static let isComplete = Self(rawValue: 8)
        /// A pinned torrent that has its turn.
        static let isFetchedWhole = Self(rawValue: 16)
    }

    struct State {
        var phase = Phase.cold
        var traits: Traits
        var pins: Pins
        /// What readers told while there was no torrent to tell.
        var mail: [ReaderMailbox.Message] = []
        /// The torrent is being loaded or held, though it may be over meanwhile.
        var isUnderWay = false
        /// Who waits for the torrent to be warm, and who for an end of what is under way.
        var waiting = Waiting()
        /// Where peers may be found once it is warm.
        var peers: [PeerAddress] = []
        var lastToken: UInt64 = 0
    }

    struct Waiting {
        var callers: [CheckedContinuation<Torrent?, Never>] = []
        var bystanders: [CheckedContinuation<Void, Never>] = []

        mutating func takeAll() -> Waiting {
            defer { self = Waiting() }
            return self
        }

        func resume(with torrent: Torrent?) {
            for caller in callers { caller.resume(returning: torrent) }
            for bystander in bystanders { bystander.resume() }
        }
    }

    static let maximumMailCount = 1024
    private static let maximumPeerCount = 32

    let activation: TorrentActivation
    /// The files of the user of which it was made.
    let folder: FolderContent?
    let state: Mutex<State>

    init(
        infoHash: InfoHash,
        version2Hash: Version2InfoHash?,
        addedTime: Int64,
        creationDate: Int64?,
        traits: Traits,
        pinnedByUser: PinnedFiles = .nothing,
        activation: TorrentActivation,
        folder: FolderContent? = nil
    ) {
        self.folder = folder
        self.infoHash = infoHash
        self.version2Hash = version2Hash
        swarmHashes = SwarmHashes(of: infoHash, version2Hash)
        self.addedTime = addedTime
        self.creationDate = creationDate
        self.activation = activation
        state = Mutex(State(traits: traits, pins: Pins(byUser: pinnedByUser)))
    }

    // MARK: What is there

    /// The torrent at work; `nil` while it is cold or on its way.
    package var active: Torrent? {
        state.withLock { state in
            if case .warm(let torrent) = state.phase { return torrent }
            return nil
        }
    }

    package var isCold: Bool {
        state.withLock { state in
            if case .cold = state.phase { return true }
            return false
        }
    }

    var traits: Traits { state.withLock { $0.traits } }

    /// Peers may ask for its pieces though it is cold.
    var mayBeAskedFor: Bool {
        let traits = traits
        return traits.contains(.holdsPieces) && !traits.contains(.hasSeededEnough)
    }

    /// The torrent at work, which is made if need be; `nil` if it is gone or cannot be made.
    ///
    /// - Parameter loop: where it works, if it has to be made and nobody else asked before.
    package func warmed(on loop: (any EventLoop)? = nil) async -> Torrent? {
        await withCheckedContinuation { continuation in
            let mustWarm = state.withLock { state -> Bool in
                switch state.phase {
                case .warm(let torrent):
                    continuation.resume(returning: torrent)
                    return false
                case .over:
                    continuation.resume(returning: nil)
                    return false
                case .cold, .warming, .cooling, .held:
                    state.waiting.callers.append(continuation)
                    return Self.mustWarm(&state)
                }
            }
            if mustWarm { warm(on: loop) }
        }
    }

    // MARK: Wishes

    /// Changes what is wished.
    func set(_ traits: Traits, _ isSet: Bool) {
        let torrent = state.withLock { state -> Torrent? in
            let before = state.traits
            if isSet { state.traits.insert(traits) } else { state.traits.remove(traits) }
            guard before != state.traits, case .warm(let torrent) = state.phase else { return nil }
            return torrent
        }
        torrent?.run { $0.reconsider() }
    }

    /// Adds addresses where peers may be found; a cold torrent remembers a few.
    func found(_ addresses: [PeerAddress]) {
        guard !addresses.isEmpty else { return }
        let torrent = state.withLock { state -> Torrent? in
            if case .warm(let torrent) = state.phase { return torrent }
            let new = addresses.filter { !state.peers.contains($0) }
            state.peers = Array((new + state.peers).prefix(Self.maximumPeerCount))
            return nil
        }
        torrent?.run { $0.found(addresses) }
    }

    /// What is stored of the torrent.
    func load() async throws -> TorrentActivation.Parts {
        let (activation, infoHash, folder) = (activation, infoHash, folder)
        return try await activation.resources.pool.run {
            try activation.load(infoHash, madeOf: folder)
        }
    }

    // MARK: Warming

    /// Reads what the torrent needs on a disk thread, then puts it to work.
    func warm(on wished: (any EventLoop)? = nil) {
        let (activation, infoHash, folder) = (activation, infoHash, folder)
        let loop = wished ?? activation.group.next()
        activation.resources.pool.run(on: loop) { try activation.load(infoHash, madeOf: folder) }
            .whenComplete { result in
                switch result {
                case .success(let parts): self.begin(parts, on: loop)
                case .failure(let error): self.failedToWarm(error)
                }
            }
    }

    private func begin(_ parts: TorrentActivation.Parts, on loop: any EventLoop) {
        let torrent = Torrent(
            parts,
            registration: self,
            resources: activation.resources,
            loop: loop
        )
        let (isWarm, waiting) = state.withLock { state in
            state.isUnderWay = false
            guard case .warming = state.phase else { return (false, state.waiting.takeAll()) }
            state.phase = .warm(torrent)
            activation.resources.activity.began()
            torrent.begin(with: state.peers, pinned: state.pins.all)
            for message in state.mail { torrent.post(message) }
            state.mail = []
            state.peers = []
            return (true, state.waiting.takeAll())
        }
        waiting.resume(with: isWarm ? torrent : nil)
    }

    private func failedToWarm(_ error: any Error) {
        let (isOver, mail, waiting) = state.withLock { state in
            defer { state.mail = [] }
            state.isUnderWay = false
            guard case .warming = state.phase else {
                return (true, state.mail, state.waiting.takeAll())
            }
            state.phase = .cold
            return (false, state.mail, state.waiting.takeAll())
        }
        if !isOver {
            activation.resources.logger.error(
                "a torrent cannot be taken up: \(error)",
                metadata: ["torrent": "\(infoHash)"]
            )
        }
        for message in mail { refuse(message, .failed) }
        waiting.resume(with: nil)
    }

    // MARK: Cooling

    /// Ends a torrent that nothing needs; its `cooled` must follow.
    ///
    /// - Returns: false if somebody has begun to need it in this moment.
    func beginCooling(_ torrent: Torrent) -> Bool {
        state.withLock { state in
            guard case .warm(let warm) = state.phase, warm === torrent, torrent.mailbox.isEmpty
            else { return false }
            state.phase = .cooling(torrent)
            return true
        }
    }

    /// The goodbye is said.
    ///
    /// - Parameters:
    ///   - traits: what is known of the torrent.
    ///   - peers: where they may be found the next time.
    func cooled(_ traits: Traits, peers: [PeerAddress]) {
        rest { state in
            guard case .cooling = state.phase else { return false }
            activation.resources.activity.ended()
            state.traits.subtract([.holdsPieces, .hasSeededEnough, .isComplete])
            state.traits.formUnion(traits)
            state.peers = Array(peers.prefix(Self.maximumPeerCount))
            return true
        }
    }

    /// Makes the torrent cold, or warm again if somebody has asked for it.
    ///
    /// - Parameter isDue: false if the torrent is over.
    func rest(_ isDue: (inout State) -> Bool) {
        let (mustWarm, waiting) = state.withLock { state in
            state.isUnderWay = false
            guard isDue(&state) else { return (false, state.waiting.takeAll()) }
            state.phase = .cold
            guard state.mail.isEmpty, state.waiting.callers.isEmpty else {
                return (Self.mustWarm(&state), Waiting())
            }
            return (false, state.waiting.takeAll())
        }
        waiting.resume(with: nil)
        if mustWarm { warm() }
    }

    /// Does something to the files of the torrent while it is not at work.
    ///
    /// What is asked meanwhile waits. Does nothing if the torrent is over.
    func whileCold(_ body: () async throws -> Void) async throws {
        while true {
            switch hold() {
            case .held:
                defer {
                    rest { state in
                        if case .held = state.phase { return true }
                        return false
                    }
                }
                return try await body()
            case .over: return
            case .warm(let torrent):
                if beginCooling(torrent) { await torrent.sayGoodbye() } else { await Task.yield() }
            case .cold, .warming, .cooling: await settle()
            }
        }
    }

    /// - Returns: `held` if the torrent was cold; else what it is.
    func hold() -> Phase {
        state.withLock { state in
            switch state.phase {
            case .cold:
                state.phase = .held
                state.isUnderWay = true
                return .held
            case .held: return .warming
            case .warming, .cooling, .warm, .over: return state.phase
            }
        }
    }

    /// Returns when what is under way has ended.
    func settle() async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                switch state.phase {
                case .warming, .cooling, .held: state.waiting.bystanders.append(continuation)
                case .cold, .warm, .over: continuation.resume()
                }
            }
        }
    }

    // MARK: End

    /// Ends the torrent for good; its readers are told.
    func end(_ end: End) async {
        let (before, mail) = state.withLock { state in
            defer {
                state.phase = .over(end)
                state.mail = []
            }
            return (state.phase, state.mail)
        }
        for message in mail { refuse(message, end.news) }
        switch before {
        case .warm(let torrent), .cooling(let torrent):
            activation.resources.activity.ended()
            if end == .removed { await torrent.remove() } else { await torrent.stop() }
            resumeAll()
        case .warming, .held: await untilResumed()
        case .cold, .over: resumeAll()
        }
    }

    private func resumeAll() {
        state.withLock { $0.waiting.takeAll() }.resume(with: nil)
    }

    /// What was under way finds the torrent over, and says so.
    private func untilResumed() async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                if state.isUnderWay {
                    state.waiting.bystanders.append(continuation)
                } else {
                    continuation.resume()
                }
            }
        }
    }

    /// - Returns: true if a cold torrent has to be warmed now.
    static func mustWarm(_ state: inout State) -> Bool {
        guard case .cold = state.phase else { return false }
        state.phase = .warming
        state.isUnderWay = true
        return true
    }
}

extension RegisteredTorrent.End {
    var news: Availability { self == .removed ? .removed : .failed }
}
