import BitTorrentProtocol
import Glibc
import TorrentLogic

// The far side: what peers hear and send.
extension Simulation {
    /// Our messages of one turn leave together and stay in order.
    func send(_ messages: [PeerMessage], to number: Int) {
        guard let connection = peers[number].connection else { return }
        let arrival = max(peers[number].lastHeard, now + peers[number].script.latency)
        peers[number].lastHeard = arrival
        events.push(.heard(messages, connection: connection), at: arrival)
    }

    func heard(_ messages: [PeerMessage], on connection: Int) {
        guard let number = peer(on: connection) else { return }
        let torrent = scenario.torrent
        for message in messages {
            switch message {
            case .request(let request):
                guard let block = block(of: request) else { continue }
                peers[number].requested(block)
            case .cancel(let request):
                guard let block = block(of: request) else { continue }
                peers[number].cancelled(block)
            case .interested:
                guard peers[number].heardInterest() else { continue }
                let delay = peers[number].script.unchokeDelay
                events.push(.peerTurns(.unchoke, connection: connection), at: now + delay)
            case .hashRequest(let request):
                peers[number].send(.message(torrent.answer(to: request)))
            default: break
            }
        }
        transmit(on: connection)
    }

    private func block(of request: BlockRequest) -> Block? {
        scenario.torrent.geometry.block(
            piece: request.piece,
            offset: request.offset,
            length: request.length
        )
    }

    /// Begins to send what stands in the peer's send buffer, if nothing is on the wire.
    func transmit(on connection: Int) {
        guard let number = peer(on: connection), !peers[number].isTransmitting else { return }
        if let excess = line.excess(at: now + peers[number].script.latency) {
            return events.push(.lineFree(connection: connection), at: now + excess)
        }
        guard let time = peers[number].beginTransmitting() else { return }
        events.push(.transmitted(connection: connection), at: now + time)
    }

    func transmitted(on connection: Int) {
        guard let number = peer(on: connection) else { return }
        let delivery = peers[number].endTransmitting()
        let arrival = peers[number].arrival(of: delivery, now: now)
        if line.rate == nil {
            events.push(.delivered(delivery, connection: connection), at: arrival)
        } else {
            events.push(.reachedLine(delivery, connection: connection), at: arrival)
        }
        transmit(on: connection)
    }

    // MARK: Scripts

    func scheduleTurns(of number: Int) {
        guard let connection = peers[number].connection else { return }
        switch peers[number].script.conduct {
        case .honest, .silent, .lies: break
        case .stalls(let after):
            events.push(.peerTurns(.stall, connection: connection), at: now + after)
        case .leaves(let after, _):
            events.push(.peerTurns(.leave, connection: connection), at: now + about(after, number))
        case .chokes(let after, _):
            events.push(.peerTurns(.choke, connection: connection), at: now + about(after, number))
        }
    }

    func turns(_ turn: PeerTurn, on connection: Int) {
        guard let number = peer(on: connection) else { return }
        switch turn {
        case .unchoke:
            peers[number].unchoke()
            if case .chokes(let after, _) = peers[number].script.conduct {
                let time = now + about(after, number)
                events.push(.peerTurns(.choke, connection: connection), at: time)
            }
        case .choke:
            guard case .chokes(_, let pause) = peers[number].script.conduct,
                !peers[number].isChoking
            else { break }
            peers[number].choke()
            let time = now + about(pause, number)
            events.push(.peerTurns(.unchoke, connection: connection), at: time)
        case .stall:
            log("peer \(number) stalls")
            peers[number].stall()
        case .leave:
            guard case .leaves(_, let pause) = peers[number].script.conduct else { break }
            log("peer \(number) leaves")
            peers[number].isAway = true
            let arrival = peers[number].arrival(of: .goodbye, now: now)
            peers[number].stall()
            events.push(.delivered(.goodbye, connection: connection), at: arrival)
            events.push(.returned(peer: number), at: arrival + about(pause, number))
        }
        transmit(on: connection)
    }

    /// Exponentially distributed, so that no two do the same at once.
    private func about(_ mean: VirtualTime, _ number: Int) -> VirtualTime {
        let sample = Double.random(in: 1e-6..<1, using: &peers[number].generator)
        return mean * -Glibc.log(sample)
    }
}
