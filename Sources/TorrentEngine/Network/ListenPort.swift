import Synchronization

/// The port on which the session listens, and that by which others reach it.
final class ListenPort: Sendable {
    private let port = Atomic<UInt16>(0)
    private let mappedPort = Atomic<UInt16>(0)

    /// Known from the start of the listener on, 0 before.
    var value: UInt16 {
        get { port.load(ordering: .relaxed) }
        set { port.store(newValue, ordering: .relaxed) }
    }

    /// The port that a gateway has mapped to ours, 0 if none has.
    var mapped: UInt16 {
        get { mappedPort.load(ordering: .relaxed) }
        set { mappedPort.store(newValue, ordering: .relaxed) }
    }

    /// What trackers, DHT nodes and peers are told.
    var announced: UInt16 { mapped == 0 ? value : mapped }
}
