import BitTorrentProtocol

// Fetching a torrent whole, or the files of it that are selected: what no reader wants comes rarest
// first, and only when no reader lacks anything.
extension Swarm {
    package enum Background: Equatable, Sendable {
        case always
        /// Readers of other torrents lack something: nothing new is requested.
        case whenNobodyWaits
    }

    /// Pieces that are chosen at a time: of small ones so many that no peer runs out of requests.
    private var backgroundCount: Int {
        max(32, (8 << 20) / Int(geometry.pieceLength))
    }

    /// Fetches everything, or (`nil`) what readers want alone.
    package mutating func fetchWhole(_ background: Background?, now: Instant) {
        guard background != self.background, !isStopped else { return }
        let isPlanChanged = (background == nil) != (self.background == nil)
        self.background = background
        if isPlanChanged {
            replan(now: now, always: true)
        } else {
            requestMore(now: now)
        }
    }

    /// Of the pieces that no reader wants these alone are fetched, or (`nil`) all.
    package mutating func select(_ selection: PieceSelection?, now: Instant) {
        guard !isStopped else { return }
        self.selection = selection
        backgroundPieces.removeAll { selection?[$0] == false }
        if background != nil { replan(now: now, always: true) }
    }

    /// Nothing is left to be fetched in the background.
    package mutating func hasFetchedWhole() -> Bool {
        selection == nil ? have.isComplete : selection?.isCovered(by: have) ?? false
    }

    /// Requests nothing for the background while readers lack something, here or elsewhere.
    mutating func holdBackgroundBack(now: Instant) {
        guard background != nil else { return }
        let wasAllowed = picker.allowsBackground
        picker.allowsBackground = background == .always && !hasReaderDemand
        if wasAllowed, !picker.allowsBackground { shortenQueues(now: now) }
    }

    /// How many more blocks are to be requested from the peer now: only the background may wait for
    /// long, and what readers want where there is too little for them.
    func room(of index: Int) -> Int {
        guard !peers[index].isWebSeed else { return peers[index].pipeline.room }
        let isPatient = background != nil && picker.allowsBackground
        if isPatient || famine.isOn { return peers[index].pipeline.patientRoom }
        let isAlone = peers.indices.allSatisfy { $0 == index || !peers[$0].mayBeAsked }
        return isAlone ? peers[index].pipeline.loneRoom : peers[index].pipeline.room
    }

    /// Takes back what would stand before the requests of a reader.
    private mutating func shortenQueues(now: Instant) {
        for index in peers.indices where !peers[index].isWebSeed {
            let excess = peers[index].pipeline.inFlightCount - peers[index].pipeline.depth
            guard excess > 0 else { continue }
            for request in Array(peers[index].pipeline.inFlight.suffix(excess))
            where !plan.isUrgent(request.block.piece) {
                guard cancel(request.block, at: index, now: now) else { continue }
                downloadAllowance.add(Int(request.block.length))
                picker.gaveBack(request.block)
            }
        }
    }

    /// Chooses further pieces when most of the chosen ones are here.
    mutating func refillBackground(now: Instant) {
        guard background != nil, needsChoice, !hasFetchedWhole() else { return }
        replan(now: now, always: true)
    }

    private var needsChoice: Bool {
        backgroundPieces.count { !have[$0] } < backgroundCount / 4
    }

    /// The missing pieces that the fewest peers have, at least one; any, if no peer has any.
    mutating func chooseBackground() {
        guard background != nil, !hasFetchedWhole() else { return backgroundPieces = [] }
        let planned = Set(plan.order)
        guard needsChoice else {
            return backgroundPieces.removeAll { have[$0] || planned.contains($0) }
        }
        var availability = [UInt16](repeating: 0, count: geometry.pieceCount)
        for peer in peers where peer.offerCount > 0 {
            for number in availability.indices where peer.has[PieceIndex(number)] {
                availability[number] += 1
            }
        }
        // Those that are begun are finished first; what is equally rare comes in no order.
        var ranked: [(rank: UInt64, piece: PieceIndex)] = []
        for number in availability.indices {
            let piece = PieceIndex(number)
            guard !have[piece], !planned.contains(piece), selection?[piece] ?? true else {
                continue
            }
            let count = availability[number] == 0 ? .max : availability[number]
            let rarity = picker.isUnfinished(piece) ? 0 : UInt64(count)
            var generator = SeededGenerator(seed: shuffleSeed &+ UInt64(number))
            ranked.append((rarity << 32 | generator.next() >> 32, piece))
        }
        backgroundPieces = ranked.sorted { $0.rank < $1.rank }
            .prefix(backgroundCount).map(\.piece)
    }
}
