package import BitTorrentProtocol
package import NIOCore
import Synchronization
import TorrentLogic

// What readers on any thread see, the same whether the torrent is at work or not.
extension RegisteredTorrent: TorrentContent {
    /// Whose verified bytes can be read at this moment.
    private var readable: Torrent? {
        state.withLock { state in
            switch state.phase {
            case .warm(let torrent), .cooling(let torrent): torrent
            case .cold, .warming, .held, .over: nil
            }
        }
    }

    /// It has ended for good.
    var isOver: Bool {
        state.withLock { state in
            if case .over = state.phase { return true }
            return false
        }
    }

    private var isRemoved: Bool {
        state.withLock { state in
            if case .over(.removed) = state.phase { return true }
            return false
        }
    }

    /// Nothing of a cold torrent: a `wait` for bytes that are there ends as soon as it is warm.
    package func verifiedPrefix(of range: Range<UInt64>) -> UInt64 {
        readable?.published.verifiedPrefix(of: range) ?? 0
    }

    package func readIfCached(
        _ range: Range<UInt64>,
        into buffer: inout ByteBuffer
    ) throws(TorrentReadError) -> Bool {
        if let torrent = readable { return try torrent.readIfCached(range, into: &buffer) }
        throw isRemoved ? .removed : .notVerified
    }

    package func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(TorrentReadError) -> EventLoopFuture<ByteBuffer> {
        if let torrent = readable { return try torrent.read(range, on: loop) }
        throw isRemoved ? .removed : .notVerified
    }

    package func hold(_ range: Range<UInt64>) -> PieceHold? {
        readable.flatMap { PieceHold(range, of: $0.published) }
    }

    package func noteRead(_ range: Range<UInt64>, of file: UInt32, by client: UInt64) {
        post(.read(range, reader: ReaderID(client: client, file: file)))
    }

    package func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (Availability) -> Void
    ) -> WaitToken {
        let token = state.withLock { state in
            state.lastToken += 1
            return WaitToken(rawValue: state.lastToken)
        }
        post(.wait(token, range, notify: notify))
        return token
    }

    package func endWait(_ token: WaitToken) { post(.endWait(token)) }

    package func noteLeft(by client: UInt64) { post(.left(client: client)) }

    /// Waits for the disk if the torrent is cold.
    package func loadInfo() throws -> TorrentInfo {
        if let torrent = readable { return torrent.info }
        return try activation.metainfo(of: infoHash, madeOf: folder).info
    }

    /// Hands a message to the torrent, or keeps it until there is one; a read or a wait warms it.
    private func post(_ message: ReaderMailbox.Message) {
        var refusal: Availability?
        let mustWarm = state.withLock { state -> Bool in
            switch state.phase {
            case .warm(let torrent):
                // Within the lock, so that it cannot begin to cool in between.
                torrent.post(message)
                return false
            case .over(let end):
                refusal = end.news
                return false
            case .cold, .warming, .cooling, .held:
                return Self.keep(message, in: &state.mail) && Self.mustWarm(&state)
            }
        }
        if let refusal { refuse(message, refusal) }
        if mustWarm { warm() }
    }

    /// - Returns: false if the message needs no torrent.
    private static func keep(
        _ message: ReaderMailbox.Message,
        in mail: inout [ReaderMailbox.Message]
    ) -> Bool {
        switch message {
        case .read where mail.count >= maximumMailCount: return true
        case .read, .wait:
            mail.append(message)
            return true
        case .endWait(let ended):
            mail.removeAll { kept in
                if case .wait(ended, _, _) = kept { return true }
                return false
            }
            return false
        case .left(let client):
            mail.removeAll { kept in
                if case .read(_, let reader) = kept { return reader.client == client }
                return false
            }
            return false
        }
    }

    /// Not within the caller's turn: `notify` is not called before `wait` has returned.
    func refuse(_ message: ReaderMailbox.Message, _ refusal: Availability) {
        guard case .wait(_, _, let notify) = message else { return }
        activation.group.next().execute { notify(refusal) }
    }
}
