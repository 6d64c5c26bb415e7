package import BitTorrentProtocol

/// The blocks requested from one web seed, joined into ranges.
///
/// A server answers one request at a time on a connection and cannot be told that a part of it is
/// not needed any more. So there are two lanes, a connection each: one for what readers wait for
/// alone, so that it never stands behind read-ahead, and one for the rest, which takes urgent
/// blocks as well when it is free. A lane takes the first block that waits and all that follow it
/// without a gap.
package struct WebSeedQueue {
    package enum Lane: Int, CaseIterable, Sendable {
        case urgent, rest
    }

    package struct Fetch: Equatable, Sendable {
        package let number: UInt64
        package let lane: Lane
        /// In order, each beginning where the one before it ends.
        package let blocks: [Block]
        /// Bytes of the torrent.
        package let range: Range<UInt64>
    }

    package enum Action: Equatable, Sendable {
        /// Ask for the range; report `finished` when it ended, however.
        case begin(Fetch)
        /// Nothing of it is needed any more: end it, and report nothing.
        case abort(Fetch)
    }

    private struct Waiting {
        let isUrgent: Bool
        /// Requests are taken up in their order.
        let order: UInt64
    }

    private struct Running {
        let fetch: Fetch
        var wanted: Set<Block>
        /// Bytes that have come.
        var receivedByteCount: UInt64 = 0
    }

    private let geometry: PieceGeometry
    private var waiting: [UInt64: (block: Block, Waiting)] = [:]
    private var running: [Lane: Running] = [:]
    private var lastNumber: UInt64 = 0
    private var actions: [Action] = []

    /// Less than this is read to its end rather than given up with its connection.
    private static let abortThreshold: UInt64 = 256 << 10
    /// A range is no longer, so that what becomes urgent finds a free lane soon.
    private static let maximumRangeByteCount: UInt64 = 8 << 20

    package init(geometry: PieceGeometry) { self.geometry = geometry }

    package var isIdle: Bool { waiting.isEmpty && running.isEmpty }

    /// The actions since the last call; free lanes take up what waits.
    package mutating func takeActions() -> [Action] {
        for lane in Lane.allCases where running[lane] == nil { begin(lane) }
        defer { actions = [] }
        return actions
    }

    package mutating func request(_ block: Block, isUrgent: Bool) {
        lastNumber += 1
        waiting[offset(of: block)] = (block, Waiting(isUrgent: isUrgent, order: lastNumber))
    }

    /// The block is not needed any more.
    package mutating func cancel(_ block: Block) {
        if waiting.removeValue(forKey: offset(of: block)) != nil { return }
        for lane in Lane.allCases where running[lane]?.wanted.remove(block) != nil {
            abortIfUseless(lane)
        }
    }

    /// So many more bytes of the fetch have come.
    package mutating func received(_ byteCount: Int, of fetch: Fetch) {
        guard running[fetch.lane]?.fetch.number == fetch.number else { return }
        running[fetch.lane]?.receivedByteCount += UInt64(byteCount)
    }

    /// A block of the fetch is in.
    package mutating func completed(_ block: Block, of fetch: Fetch) {
        guard running[fetch.lane]?.fetch.number == fetch.number else { return }
        running[fetch.lane]?.wanted.remove(block)
    }

    /// The fetch has ended; its lane is free.
    ///
    /// - Returns: false if it was aborted.
    package mutating func finished(_ fetch: Fetch) -> Bool {
        guard running[fetch.lane]?.fetch.number == fetch.number else { return false }
        running[fetch.lane] = nil
        return true
    }

    private mutating func abortIfUseless(_ lane: Lane) {
        guard let current = running[lane], current.wanted.isEmpty else { return }
        let length = UInt64(current.fetch.range.count)
        guard length - min(length, current.receivedByteCount) > Self.abortThreshold else { return }
        running[lane] = nil
        actions.append(.abort(current.fetch))
    }

    private mutating func begin(_ lane: Lane) {
        let candidates = waiting.filter { lane == .rest || $0.value.1.isUrgent }
        let first = candidates.min { left, right in
            let (left, right) = (left.value.1, right.value.1)
            return left.isUrgent != right.isUrgent ? left.isUrgent : left.order < right.order
        }
        guard let start = first?.key else { return }
        var blocks: [Block] = []
        var end = start
        while end - start < Self.maximumRangeByteCount,
            let next = waiting[end], lane == .rest || next.1.isUrgent
        {
            waiting[end] = nil
            blocks.append(next.block)
            end += UInt64(next.block.length)
        }
        lastNumber += 1
        let fetch = Fetch(number: lastNumber, lane: lane, blocks: blocks, range: start..<end)
        running[lane] = Running(fetch: fetch, wanted: Set(blocks))
        actions.append(.begin(fetch))
    }

    private func offset(of block: Block) -> UInt64 {
        geometry.offset(of: block.piece) + UInt64(block.offset)
    }
}
