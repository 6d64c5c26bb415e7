// For the codes of errors.
import Glibc
import NIOCore
import TorrentLogic

/// One dial by several transports: performs what its `TransportRace` decides, on one event loop.
final class DialRace: Sendable {
    private struct State {
        var race: TransportRace
        var connections: [Transport: any Channel] = [:]
        var timer: Scheduled<Void>?
        var lastError: any Error = ChannelError.connectPending
    }

    typealias Connect = @Sendable (Transport) -> EventLoopFuture<any Channel>

    private let loop: any EventLoop
    private let connect: Connect
    private let winner: EventLoopPromise<any Channel>
    private let state: NIOLoopBoundBox<State>

    /// - Parameter order: the transports, the first one first.
    init(order: [Transport], loop: any EventLoop, connect: @escaping Connect) {
        self.loop = loop
        self.connect = connect
        winner = loop.makePromise()
        state = .makeBoxSendingValue(State(race: TransportRace(order: order)), eventLoop: loop)
    }

    /// - Returns: the connection that stood first.
    func run() -> EventLoopFuture<any Channel> {
        loop.execute { self.perform(self.state.value.race.start(now: .now)) }
        return winner.futureResult
    }

    private func perform(_ actions: [TransportRace.Action]) {
        for action in actions {
            switch action {
            case .connect(let transport):
                connect(transport).hop(to: loop).whenComplete { self.ended(transport, $0) }
            case .take(let transport):
                if let channel = state.value.connections[transport] { winner.succeed(channel) }
            case .close(let transport):
                state.value.connections[transport]?.close(promise: nil)
            case .fail: winner.fail(state.value.lastError)
            }
        }
        setTimer()
    }

    private func ended(_ transport: Transport, _ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel):
            state.value.connections[transport] = channel
            perform(state.value.race.connected(transport))
        case .failure(let error):
            state.value.lastError = error
            perform(
                state.value.race.failed(transport, isFinal: Self.isFinal(error), now: .now)
            )
        }
    }

    /// Whether no transport will do better.
    private static func isFinal(_ error: any Error) -> Bool {
        guard let error = error as? IOError else { return false }
        return [ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EACCES, EPERM].contains(error.errnoCode)
    }

    private func setTimer() {
        state.value.timer?.cancel()
        state.value.timer = nil
        guard let deadline = state.value.race.nextDeadline else { return }
        let delay = TimeAmount(max(.zero, ContinuousClock.now.duration(to: deadline)))
        state.value.timer = loop.scheduleTask(in: delay) {
            self.perform(self.state.value.race.timerFired(now: .now))
        }
    }
}
