import BitTorrentProtocol
import TorrentLogic

// Our side: what the swarm decides is done, and what came is hashed.
extension Simulation {
    /// Hashing and writing: a piece takes as long as at 500 MB/s, and anything a millisecond.
    private static let hashRate = 500e6
    private static let hashDelay = VirtualTime.milliseconds(1)
    /// Hashing again what is in memory.
    private static let rehashRate = 1e9

    func performActions() {
        for action in swarm.takeActions() { perform(action) }
    }

    private func perform(_ action: Swarm.Action) {
        switch action {
        case .send(let message, let key):
            guard let peer = peer(behind: key) else { return }
            count(message, to: peer)
            outgoing[peer, default: []].append(message)
        case .verify(let piece):
            let length = Double(scenario.torrent.geometry.length(of: piece))
            let verdict = verdict(on: piece)
            let seconds = length / Self.hashRate + length * Double(verdict.tries) / Self.rehashRate
            events.push(.hashed(piece, verdict), at: now + Self.hashDelay + .seconds(seconds))
        case .prove(let block, _): events.push(.proved(block), at: now + Self.hashDelay)
        case .discard(let piece):
            log("discard piece \(piece.rawValue)")
            blocks[piece] = nil
        case .dial(let address):
            guard let peer = peerNumbers[address] else { return }
            // The handshake of TCP, then that of BitTorrent.
            let trips = peers[peer].isAway ? 2.0 : 4
            events.push(.dialled(peer: peer), at: now + peers[peer].script.latency * trips)
        case .close(let key, let reason):
            guard let peer = peer(behind: key) else { return }
            log("close peer \(peer): \(reason)")
            peers[peer].disconnected()
        case .banned(let address, let piece):
            outcome.banCount += 1
            guard let peer = peerNumbers[address] else { return }
            log("ban peer \(peer) for piece \(piece.rawValue)")
            if case .lies = scenario.peers[peer].conduct { return }
            outcome.violations.append("peer \(peer) was banned and never lied")
        // Scripted peers request nothing of us.
        case .serve, .answerHashes, .tellLost, .tellUploadOnly, .keepLayer, .lackHashes: break
        }
    }

    private func count(_ message: PeerMessage, to peer: Int) {
        switch message {
        case .request(let request):
            outcome.requestCount += 1
            outcome.mix(
                UInt64(now.nanoseconds),
                UInt64(peer),
                UInt64(request.piece),
                UInt64(request.offset)
            )
            log("request \(request.piece):\(request.offset >> 14) of peer \(peer)")
        case .cancel(let request):
            outcome.cancelCount += 1
            log("cancel \(request.piece):\(request.offset >> 14) at peer \(peer)")
        default: log("send \(Self.name(of: message)) to peer \(peer)")
        }
    }

    /// What it is, without its many bytes.
    private static func name(of message: PeerMessage) -> String {
        switch message {
        case .bitfield: "bitfield"
        case .hashes: "hashes"
        case .hashRequest: "hash request"
        default: "\(message)"
        }
    }

    /// The peer of a connection that stands.
    func peer(behind key: PeerKey) -> Int? { peer(on: Int(key.rawValue)) }

    func peer(on connection: Int) -> Int? {
        let peer = connections[connection]
        return peers[peer].connection == connection ? peer : nil
    }

    // MARK: Connections

    func dialEnded(_ number: Int) {
        guard !peers[number].isAway, peers[number].connection == nil else {
            let address = peers[number].address
            return turn { swarm.dialFailed(address, now: $0) }
        }
        connect(to: number)
    }

    func connect(to number: Int) {
        let key = PeerKey(rawValue: UInt64(connections.count))
        peers[number].connected(connections.count, now: now)
        connections.append(number)
        log("connected to peer \(number)")
        let peer = peers[number]
        turn {
            swarm.connected(
                key,
                address: peer.address,
                isIncoming: false,
                id: peer.id,
                isFast: peer.script.isFast,
                speaksVersion2: scenario.torrent.isVersion2,
                now: $0
            )
        }
        scheduleTurns(of: number)
        // It comes in one segment with the handshake.
        turn { swarm.received(peer.greeting, from: key, now: $0) }
    }

    func delivered(_ delivery: Delivery, on connection: Int) {
        guard let peer = peer(on: connection) else { return }
        let key = PeerKey(rawValue: UInt64(connection))
        switch delivery {
        case .goodbye:
            log("peer \(peer) is gone")
            peers[peer].disconnected()
            turn { swarm.disconnected(key, now: $0) }
        case .message(let message):
            log("peer \(peer) says \(Self.name(of: message))")
            turn { swarm.received(message, from: key, now: $0) }
        case .block(let block, let content): take(block, content, from: peer, key)
        }
    }

    private func take(_ block: Block, _ content: UInt64, from peer: Int, _ key: PeerKey) {
        let geometry = scenario.torrent.geometry
        turn {
            let kept = swarm.receivedBlock(
                piece: block.piece.rawValue,
                offset: block.offset,
                length: block.length,
                from: key,
                now: $0
            )
            log(
                "block \(block.piece.rawValue):\(block.number) from peer \(peer)"
                    + (kept == nil ? ", dropped" : "") + (content == 0 ? "" : ", wrong")
            )
            outcome.mix(
                UInt64(now.nanoseconds),
                UInt64(peer),
                UInt64(block.piece.rawValue),
                UInt64(block.offset),
                kept == nil ? 0 : 1
            )
            let start = geometry.offset(of: block.piece) + UInt64(block.offset)
            if let scannedRange, scannedRange.contains(start) {
                outcome.scannedByteCount += UInt64(block.length)
            }
            guard let kept else { return }
            let count = geometry.blockCount(of: kept.piece)
            blocks[kept.piece, default: Array(repeating: [], count: count)][kept.number]
                .append(content)
        }
    }

    // MARK: Hashing

    private func verdict(on piece: PieceIndex) -> Verdict {
        let count = scenario.torrent.geometry.blockCount(of: piece)
        let contents = blocks[piece] ?? []
        if contents.count < count || contents.contains([]) {
            outcome.violations.append("piece \(piece.rawValue) was to be verified without a block")
        }
        guard var copies = swarm.copies(of: piece) else {
            blocks[piece] = nil
            let digests = contents.map { $0.first ?? 1 }
            let isRight = digests.allSatisfy { $0 == 0 }
            return Verdict(isRight: isRight, digests: digests, copies: nil, tries: 0)
        }
        for (number, block) in contents.enumerated() {
            for content in block[copies.digests[number].count...] {
                copies.know(content, of: number)
            }
        }
        var tries = 0
        let right = copies.search { selection in
            tries += 1
            return zip(contents, selection).allSatisfy { $0[$1] == 0 }
        }
        return Verdict(
            isRight: right != nil,
            digests: right.map { copies.digests(of: $0) } ?? [],
            copies: copies,
            tries: max(0, tries - 1)
        )
    }

    func hashed(_ piece: PieceIndex, _ verdict: Verdict) {
        guard verdict.isRight else {
            log("piece \(piece.rawValue) is wrong, after \(verdict.tries) more tries")
            outcome.rejectedCount += 1
            return turn {
                let kept = swarm.rejected(
                    piece,
                    blockDigests: verdict.digests,
                    copies: verdict.copies,
                    now: $0
                )
                guard !kept.isEmpty else { return }
                blocks[piece] = verdict.digests.indices.map {
                    kept.contains($0) ? [verdict.digests[$0]] : []
                }
            }
        }
        log("piece \(piece.rawValue) is verified, after \(verdict.tries) more tries")
        verified[piece] = true
        turn {
            let isWanted = verdict.copies != nil || swarm.wantsBlockDigests(of: piece)
            let digests = isWanted ? verdict.digests : []
            swarm.verified(piece, blockDigests: digests, copies: verdict.copies, now: $0)
            tellWaits(about: piece)
        }
    }

    func hashed(_ block: Block) {
        guard let content = blocks[block.piece]?[block.number].first else { return }
        let piece = block.piece
        guard content == 0 else {
            log("block \(piece.rawValue):\(block.number) is wrong")
            blocks[piece]?[block.number] = []
            outcome.rejectedCount += 1
            return turn { swarm.refuted(block, now: $0) }
        }
        let count = scenario.torrent.geometry.blockCount(of: piece)
        proved[piece, default: Array(repeating: false, count: count)][block.number] = true
        if proved[piece]?.allSatisfy({ $0 }) == true {
            log("piece \(piece.rawValue) is proved")
            verified[piece] = true
        }
        turn {
            swarm.proved(block, now: $0)
            tellWaits(about: piece)
        }
    }
}
