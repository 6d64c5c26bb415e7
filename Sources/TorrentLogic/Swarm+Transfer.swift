import BitTorrentProtocol

// What a limit on payload holds back: requests that are not sent yet, blocks that are not served yet.
//
// What nobody requests does not come, so a limit on what arrives is one on what is requested, and
// the picker sees to it that the most urgent blocks are requested first.
extension Swarm {
    /// Whether a limit holds from now on; while it does, nothing passes but what is `granted`.
    package mutating func setLimited(
        _ isLimited: Bool,
        _ direction: TransferDirection,
        now: Instant
    ) {
        switch direction {
        case .download: downloadAllowance.setLimited(isLimited)
        case .upload: uploadAllowance.setLimited(isLimited)
        }
        if !isLimited { transferMore(direction, now: now) }
    }

    /// What would be requested or served now if it were granted; nothing without a limit.
    package func need(_ direction: TransferDirection) -> TransferNeed {
        switch direction {
        case .download:
            downloadAllowance.isLimited ? downloadAllowance.need(wantedDownload) : TransferNeed()
        case .upload:
            uploadAllowance.isLimited ? uploadAllowance.need(wantedUpload) : TransferNeed()
        }
    }

    package mutating func granted(
        _ byteCount: Int,
        _ direction: TransferDirection,
        now: Instant
    ) {
        guard byteCount > 0, !isStopped else { return }
        switch direction {
        case .download: downloadAllowance.add(byteCount)
        case .upload: uploadAllowance.add(byteCount)
        }
        transferMore(direction, now: now)
    }

    /// What was granted and is not needed any more.
    package mutating func takeUnused(_ direction: TransferDirection) -> Int {
        switch direction {
        case .download: need(.download).total > 0 || hasDemand ? 0 : downloadAllowance.takeUnused()
        case .upload: need(.upload).total > 0 ? 0 : uploadAllowance.takeUnused()
        }
    }

    private mutating func transferMore(_ direction: TransferDirection, now: Instant) {
        switch direction {
        case .download: requestMore(now: now)
        case .upload: serveInTurn(now: now)
        }
    }

    private var wantedDownload: TransferNeed {
        guard hasDemand else { return TransferNeed() }
        let room = peers.indices.reduce(0) { $0 + (peers[$1].mayBeAsked ? self.room(of: $1) : 0) }
        guard room > 0 else { return TransferNeed() }
        let open = picker.openBlockCount(atMost: room, have: have)
        let blockLength = Int(Block.maximumLength)
        return TransferNeed(
            urgent: open.urgent * blockLength,
            other: (open.total - open.urgent) * blockLength
        )
    }

    private var wantedUpload: TransferNeed {
        let byteCount = peers.reduce(0) { sum, peer in
            let room = max(0, limits.maximumServesInFlight - peer.servesInFlight)
            return sum + peer.queuedRequests.prefix(room).reduce(0) { $0 + Int($1.length) }
        }
        return TransferNeed(other: byteCount)
    }

    /// Serves a block to each peer in turn, as far as the limit lets.
    mutating func serveInTurn(now: Instant) {
        var passedOver = 0
        while uploadAllowance.permitsMore, !peers.isEmpty, passedOver < peers.count {
            let index = peers.firstIndex { $0.key > lastServed } ?? 0
            lastServed = peers[index].key
            passedOver = serveOne(to: index, now: now) ? 0 : passedOver + 1
        }
    }
}
