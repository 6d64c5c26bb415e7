import Synchronization
import TorrentLogic

/// What readers on other threads tell a torrent: it gathers until the torrent's loop takes it, so
/// that many READs cost one hop.
final class ReaderMailbox: Sendable {
    enum Message {
        case read(Range<UInt64>, reader: ReaderID)
        case wait(
            WaitToken,
            Range<UInt64>,
            notify: @Sendable (Availability) -> Void
        )
        case endWait(WaitToken)
        case left(client: UInt64)
    }

    private struct State {
        var messages: [Message] = []
    }

    /// Reads are hints: beyond this many in one turn they are dropped.
    private static let maximumReadCount = 1024

    private let state = Mutex(State())

    /// - Returns: true if the box was empty, so that the torrent must be told to take.
    func post(_ message: Message) -> Bool {
        state.withLock { state in
            if case .read = message, state.messages.count >= Self.maximumReadCount { return false }
            state.messages.append(message)
            return state.messages.count == 1
        }
    }

    func take() -> [Message] {
        state.withLock { state in
            defer { state.messages = [] }
            return state.messages
        }
    }

    var isEmpty: Bool { state.withLock { $0.messages.isEmpty } }
}
