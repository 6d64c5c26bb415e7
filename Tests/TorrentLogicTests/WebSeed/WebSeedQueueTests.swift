import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct WebSeedQueueTests {
    /// Pieces of four blocks; the last is short.
    let geometry = PieceGeometry(pieceLength: 65536, totalLength: 100 * 65536 - 1000)
    var queue: WebSeedQueue

    init() { queue = WebSeedQueue(geometry: geometry) }

    func block(_ number: Int) -> Block {
        geometry.block(number % 4, of: PieceIndex(number / 4))
    }

    func begun(_ actions: [WebSeedQueue.Action]) -> [WebSeedQueue.Fetch] {
        actions.compactMap { if case .begin(let fetch) = $0 { fetch } else { nil } }
    }

    mutating func actions() -> [WebSeedQueue.Action] { queue.takeActions() }

    @Test mutating func joinsBlocksThatFollowEachOtherAcrossPieces() {
        for number in [2, 3, 4, 5, 9] { queue.request(block(number), isUrgent: false) }
        let fetches = begun(queue.takeActions())
        #expect(fetches.map(\.lane) == [.rest])
        #expect(fetches[0].range == UInt64(2 * 16384)..<UInt64(6 * 16384))
        #expect(fetches.first?.blocks == [2, 3, 4, 5].map(block))
        #expect(actions() == [])
        let isFinished = queue.finished(fetches[0])
        #expect(isFinished)
        #expect(begun(queue.takeActions()).map(\.blocks) == [[block(9)]])
    }

    @Test mutating func urgentBlocksDoNotStandBehindOthers() {
        for number in 40..<60 { queue.request(block(number), isUrgent: false) }
        let first = begun(queue.takeActions())
        #expect(first.map(\.lane) == [.rest])
        queue.request(block(60), isUrgent: false)
        #expect(actions() == [])
        queue.request(block(0), isUrgent: true)
        queue.request(block(1), isUrgent: true)
        let second = begun(queue.takeActions())
        #expect(second.map(\.lane) == [.urgent])
        #expect(second.first?.blocks == [block(0), block(1)])
    }

    @Test mutating func aFreeLaneTakesUrgentBlocksFirst() {
        queue.request(block(8), isUrgent: false)
        queue.request(block(0), isUrgent: true)
        queue.request(block(4), isUrgent: true)
        let fetches = begun(queue.takeActions())
        #expect(fetches.map(\.lane) == [.urgent, .rest])
        #expect(fetches.map(\.blocks) == [[block(0)], [block(4)]])
    }

    @Test mutating func theLastBlockIsShort() {
        queue.request(block(398), isUrgent: true)
        queue.request(block(399), isUrgent: true)
        let fetch = begun(queue.takeActions()).first
        #expect(fetch?.range.upperBound == geometry.totalLength)
    }

    @Test mutating func cancelsWhatWaits() {
        for number in 0..<3 { queue.request(block(number), isUrgent: true) }
        queue.cancel(block(1))
        let fetches = begun(queue.takeActions())
        #expect(fetches.map(\.blocks) == [[block(0)], [block(2)]])
    }

    @Test mutating func givesUpALongFetchThatNobodyNeeds() {
        for number in 0..<64 { queue.request(block(number), isUrgent: false) }
        let fetch = begun(queue.takeActions())[0]
        for number in 0..<63 { queue.cancel(block(number)) }
        #expect(actions() == [])
        queue.cancel(block(63))
        #expect(actions() == [.abort(fetch)])
        let isFinished = queue.finished(fetch)
        #expect(!isFinished)
        #expect(queue.isIdle)
    }

    @Test mutating func readsAShortRestToItsEnd() {
        for number in 0..<20 { queue.request(block(number), isUrgent: false) }
        let fetch = begun(queue.takeActions())[0]
        for number in 0..<10 {
            queue.received(16384, of: fetch)
            queue.completed(block(number), of: fetch)
        }
        for number in 10..<20 { queue.cancel(block(number)) }
        #expect(actions() == [])
        let isFinished = queue.finished(fetch)
        #expect(isFinished)
    }

    @Test mutating func aRangeHasABound() {
        for number in 0..<1000 { queue.request(block(number % 400), isUrgent: false) }
        #expect(begun(queue.takeActions()).first.map { $0.range.count <= 8 << 20 } == true)
    }
}
