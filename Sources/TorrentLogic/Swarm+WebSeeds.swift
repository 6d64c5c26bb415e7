package import BitTorrentProtocol

// Web seeds (BEP 17, BEP 19): peers that have everything and never choke. They are asked in the same
// way, by `.send` of requests and cancels to a key of theirs; nothing else is said to them.
extension Swarm {
    /// They leave when nothing was wanted for so long.
    private static let webSeedLinger = Duration.seconds(60)
    /// Blocks that a web seed is asked for at a time at least: 64 KiB, since each range costs it a
    /// request.
    static let minimumWebSeedRun = 4

    /// A request failed: the web seed is left alone for a while, or asked for other pieces only, or
    /// never again.
    package mutating func webSeedFailed(
        _ key: PeerKey,
        _ failure: WebSeedFailure,
        now: Instant
    ) {
        guard let number = key.webSeedNumber, let index = peers.index(of: key) else { return }
        switch failure {
        case .unavailable(let retryAfter):
            webSeeds.failed(number, retryAfter: retryAfter, now: now)
            close(index, reason: .webSeedFailed, now: now)
        case .lacks(let range):
            let pieces = geometry.pieces(covering: range.clamped(to: 0..<geometry.totalLength))
            webSeeds.lacks(pieces, number)
            let has = webSeeds.pieces(of: number)
            guard !has.isEmpty else {
                webSeeds.drop(number)
                return close(index, reason: .nothingOffered, now: now)
            }
            giveBackRequests(of: index)
            peers[index].restsUntil = nil
            take(has, of: index, now: now)
            requestMore(now: now)
        case .forbidden:
            webSeeds.drop(number)
            close(index, reason: .nothingOffered, now: now)
        }
        reschedule(now: now)
    }

    /// Whether a reader waits for the piece.
    package func isUrgent(_ piece: PieceIndex) -> Bool { plan.isUrgent(piece) }

    /// Takes web seeds into use as soon as something is wanted.
    mutating func joinWebSeeds(now: Instant) {
        guard hasDemand, !isStopped else { return }
        for number in webSeeds.takeDue(now: now) {
            let index = peers.insert(
                Peer(
                    webSeed: number,
                    pieceCount: geometry.pieceCount,
                    limits: limits,
                    now: now
                )
            )
            take(webSeeds.pieces(of: number), of: index, now: now)
        }
    }

    mutating func leaveIdleWebSeeds(now: Instant) {
        guard !hasDemand, lastDemand.map({ now - $0 >= Self.webSeedLinger }) ?? true else { return }
        for index in peers.indices.reversed() {
            guard let number = peers[index].key.webSeedNumber else { continue }
            webSeeds.left(number)
            close(index, reason: .notNeeded, now: now)
        }
    }

    /// A web seed that owes blocks and is silent for too long has failed.
    mutating func failSilentWebSeeds(_ silent: [PeerKey], now: Instant) {
        for key in silent { webSeedFailed(key, .unavailable(retryAfter: nil), now: now) }
    }

    /// Counts a wrong piece; the third one is the last.
    mutating func convictWebSeed(_ number: Int, now: Instant) {
        guard webSeeds.sentWrongPiece(number) else { return }
        guard let index = peers.index(of: .webSeed(number)) else {
            // For the log: it was not in use just now.
            return actions.append(.close(.webSeed(number), reason: .banned))
        }
        close(index, reason: .banned, now: now)
    }
}

extension PeerKey {
    /// Above the keys of all connections.
    private static let firstWebSeed: UInt64 = 1 << 63

    package static func webSeed(_ number: Int) -> PeerKey {
        PeerKey(rawValue: firstWebSeed + UInt64(number))
    }

    /// The place of a web seed in the metainfo; `nil` for a connection to a peer.
    package var webSeedNumber: Int? {
        rawValue >= Self.firstWebSeed ? Int(rawValue - Self.firstWebSeed) : nil
    }
}
