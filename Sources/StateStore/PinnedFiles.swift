/// Which files of a torrent are pinned: fetched in the background, and kept.
package enum PinnedFiles: Equatable, Sendable {
    case nothing
    /// Their numbers in the metainfo: not empty, ascending, with gaps between.
    case files([ClosedRange<Int>])
    case all

    /// - Parameter numbers: of files, in any order; they may overlap.
    package init(_ numbers: [ClosedRange<Int>]) {
        var ranges: [ClosedRange<Int>] = []
        for range in numbers.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = ranges.last, range.lowerBound - 1 <= last.upperBound {
                let end = max(last.upperBound, range.upperBound)
                ranges[ranges.count - 1] = last.lowerBound...end
            } else {
                ranges.append(range)
            }
        }
        self = ranges.isEmpty ? .nothing : .files(ranges)
    }

    /// The numbers of those that are, if some are and others are not.
    package var part: [ClosedRange<Int>]? {
        if case .files(let ranges) = self { return ranges }
        return nil
    }

    package func union(_ other: Self) -> Self {
        switch (self, other) {
        case (.all, _), (_, .all): .all
        case (.nothing, let pinned), (let pinned, .nothing): pinned
        case (.files(let ranges), .files(let others)): Self(ranges + others)
        }
    }

    /// - Parameter fileCount: of the torrent; 0 if it is not known, and then all less some is all.
    package func subtracting(_ other: Self, fileCount: Int) -> Self {
        switch (self, other) {
        case (.nothing, _), (_, .all): return .nothing
        case (_, .nothing): return self
        case (.all, .files(let ranges)):
            guard fileCount > 0 else { return self }
            return Self(Self.rest(of: 0...fileCount - 1, without: ranges))
        case (.files(let ranges), .files(let others)):
            return Self(ranges.flatMap { Self.rest(of: $0, without: others) })
        }
    }

    /// - Parameter ranges: ascending.
    private static func rest(
        of whole: ClosedRange<Int>,
        without ranges: [ClosedRange<Int>]
    ) -> [ClosedRange<Int>] {
        var parts: [ClosedRange<Int>] = []
        var start = whole.lowerBound
        for range in ranges where range.overlaps(whole) {
            if range.lowerBound > start { parts.append(start...range.lowerBound - 1) }
            start = range.upperBound + 1
        }
        if start <= whole.upperBound { parts.append(start...whole.upperBound) }
        return parts
    }
}
