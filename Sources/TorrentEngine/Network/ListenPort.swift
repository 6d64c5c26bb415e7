import Synchronization

/// The port on which the session listens: known from the start of the listener on, 0 before.
final class ListenPort: Sendable {
    private let port = Atomic<UInt16>(0)

    var value: UInt16 {
        get { port.load(ordering: .relaxed) }
        set { port.store(newValue, ordering: .relaxed) }
    }
}
