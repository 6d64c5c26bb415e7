import Foundation
import Glibc
import Synchronization

/// Shows the parts of an answer to whoever has typed the command.
final class Terminal: Sendable {
    /// Progress is for people; a file or a pipe gets none.
    private let showsProgress = isatty(STDERR_FILENO) == 1
    private let hasProgress = Mutex(false)

    func show(_ reply: ControlReply) {
        hasProgress.withLock { hasProgress in
            if hasProgress { write("\r\u{1B}[K", to: .standardError) }
            hasProgress = false
            switch reply {
            case .line(let text): write("\(text)\n", to: .standardOutput)
            case .progress(let text) where showsProgress:
                write(text, to: .standardError)
                hasProgress = true
            case .progress, .failure, .end: break
            }
        }
    }

    private func write(_ text: String, to handle: FileHandle) { handle.write(Data(text.utf8)) }
}
