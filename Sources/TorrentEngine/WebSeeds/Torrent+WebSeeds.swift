import AsyncHTTPClient
import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

extension Torrent {
    /// Takes what the swarm says to a web seed: requests and cancels.
    func askWebSeed(_ message: PeerMessage, _ key: PeerKey) {
        guard let number = key.webSeedNumber else { return }
        var link =
            webSeedLinks.removeValue(forKey: key)
            ?? WebSeedLink(webSeeds[number], geometry: info.geometry)
        switch message {
        case .request(let request):
            guard let block = block(request) else { break }
            link.queue.request(block, isUrgent: swarm.isUrgent(block.piece))
        case .cancel(let request):
            guard let block = block(request) else { break }
            link.queue.cancel(block)
        default: break
        }
        webSeedLinks[key] = link
    }

    private func block(_ request: BlockRequest) -> Block? {
        info.geometry.block(
            piece: request.piece,
            offset: request.offset,
            length: request.length
        )
    }

    /// The swarm is done with it, for now or for good.
    func closeWebSeed(_ key: PeerKey, because reason: CloseReason) {
        webSeedLinks.removeValue(forKey: key)?.abortAll()
        guard let number = key.webSeedNumber else { return }
        let metadata: Logger.Metadata = ["web_seed": "\(webSeeds[number].name)"]
        switch reason {
        case .banned: logger.warning("dropped a web seed that sent wrong data", metadata: metadata)
        case .nothingOffered:
            logger.warning("dropped a web seed that has nothing to give", metadata: metadata)
        default: logger.debug("a web seed rests: \(reason)", metadata: metadata)
        }
    }

    /// Begins what waits at web seeds with a free connection; the end of every turn.
    func fetchFromWebSeeds() {
        guard !webSeedLinks.isEmpty else { return }
        for key in webSeedLinks.keys.sorted() {
            for action in webSeedLinks[key]?.queue.takeActions() ?? [] {
                switch action {
                case .abort(let fetch): webSeedLinks[key]?.abort(fetch)
                case .begin(let fetch):
                    let task = Task { await self.perform(fetch, of: key) }
                    webSeedLinks[key]?.began(fetch, task)
                }
            }
        }
    }

    private func perform(_ fetch: WebSeedQueue.Fetch, of key: PeerKey) async {
        guard let seed = webSeedLinks[key]?.seed else { return }
        var cutter = BlockCutter(fetch.blocks)
        for part in seed.parts(of: fetch.range, info: info, infoHash: infoHash) {
            do {
                switch part {
                case .zeros(let count):
                    take(ByteBuffer(repeating: 0, count: count), &cutter, fetch, from: key)
                case .request(let request):
                    let answer = try await resources.webSeeds.ask(request)
                    try await read(answer, to: request, &cutter, fetch, from: key)
                case .unnamable: throw WebSeedClient.Refusal.unnamable
                }
            } catch {
                return ended(fetch, of: key, with: error, at: part)
            }
            // It was aborted, and what it gave is not needed.
            guard !Task.isCancelled else { return }
        }
        guard webSeedLinks[key]?.ended(fetch) == true, !isStopped else { return }
        if failingWebSeeds.remove(key) != nil {
            logger.notice("the web seed answers again", metadata: ["web_seed": "\(seed.name)"])
        }
        turn { _ in }
    }

    /// Reads exactly what was asked for; a server that sends more is left at that point.
    private func read(
        _ answer: WebSeedClient.Answer,
        to request: WebSeedRequest,
        _ cutter: inout BlockCutter,
        _ fetch: WebSeedQueue.Fetch,
        from key: PeerKey
    ) async throws {
        var skipped = answer.skippedByteCount
        var missing = request.content.count
        for try await var chunk in answer.body {
            let before = min(skipped, chunk.readableBytes)
            chunk.moveReaderIndex(forwardBy: before)
            skipped -= before
            guard let bytes = chunk.readSlice(length: min(missing, chunk.readableBytes)) else {
                break
            }
            missing -= bytes.readableBytes
            try Task.checkCancellation()
            if bytes.readableBytes > 0 { take(bytes, &cutter, fetch, from: key) }
            if missing == 0 { return }
        }
        guard missing == 0 else { throw RemoteFailure.hungUp }
    }

    private func take(
        _ bytes: ByteBuffer,
        _ cutter: inout BlockCutter,
        _ fetch: WebSeedQueue.Fetch,
        from key: PeerKey
    ) {
        guard !isStopped, webSeedLinks[key] != nil else { return }
        let now = Swarm.Instant.now
        webSeedLinks[key]?.queue.received(bytes.readableBytes, of: fetch)
        var hasBlocks = false
        cutter.append(bytes) { block, payload in
            hasBlocks = true
            webSeedLinks[key]?.queue.completed(block, of: fetch)
            receivedBlock(
                block.piece.rawValue,
                block.offset,
                payload,
                from: key,
                now: now
            )
            performActions()
        }
        if hasBlocks { endTurn(now) }
    }

    private func ended(
        _ fetch: WebSeedQueue.Fetch,
        of key: PeerKey,
        with error: any Error,
        at part: WebSeedPart
    ) {
        // Else it was aborted, or the web seed is not in use any more.
        guard !Task.isCancelled, webSeedLinks[key]?.ended(fetch) == true, !isStopped,
            let seed = webSeedLinks.removeValue(forKey: key)
        else { return }
        seed.abortAll()
        let error = RemoteFailure(ofHTTP: error) ?? error
        let failure = WebSeedFailure(error, at: part)
        var isNews = true
        if case .unavailable = failure { isNews = failingWebSeeds.insert(key).inserted }
        logger.log(
            level: isNews ? .warning : .debug,
            "the web seed failed: \(error)",
            metadata: ["web_seed": "\(seed.seed.name)"]
        )
        turn { now in swarm.webSeedFailed(key, failure, now: now) }
    }
}

extension WebSeedFailure {
    /// - Parameter part: what was asked for when the error came.
    fileprivate init(_ error: any Error, at part: WebSeedPart) {
        let resource: Range<UInt64> =
            switch part {
            case .request(let request): request.resource
            case .unnamable(_, let resource): resource
            case .zeros: 0..<0
            }
        switch error {
        case WebSeedClient.Refusal.busy(let retryAfter):
            self = .unavailable(retryAfter: retryAfter)
        case is WebSeedClient.Refusal: self = .lacks(resource)
        case RemoteFailure.forbiddenHost, RemoteFailure.badRedirect, RemoteFailure.notHTTP:
            self = .forbidden
        default: self = .unavailable(retryAfter: nil)
        }
    }
}
