/// All copies of the blocks of a piece of which more than one is kept, because some of those who send
/// them may lie.
///
/// A wrong piece need not be fetched again if the right copies are among those that are here: they are
/// found by the piece's hash, the likeliest selection first. It takes what two peers have sent alike, and
/// of two that contradict each other the one that others contradict less; then what would be right if
/// one peer lied that was believed, or two of them.
package struct PieceCopies: Equatable, Sendable {
    /// By block, who sent each copy, in the order in which they came.
    package private(set) var senders: [[PeerKey]]
    /// As `senders`, eight bytes of a cryptographic hash of each copy, as far as they are known.
    package private(set) var digests: [[UInt64]]
    /// Who probably lies, as other pieces tell.
    private let liars: Set<PeerKey>
    /// The selections that are wrong.
    private var tried: Set<[UInt64]> = []

    /// Copies of a block that are kept.
    private static let maximumCount = 4
    /// Selections that are tried at a time, and while there is but one copy of some blocks.
    private static let maximumTries = (usually: 32, early: 2)
    /// Selections of a piece that are tried at all.
    private static let maximumTried = 256

    init(senders: [PeerKey?], digests: [UInt64] = [], liars: Set<PeerKey>) {
        self.senders = senders.map { $0.map { [$0] } ?? [] }
        self.digests =
            digests.isEmpty ? senders.map { _ in [] } : digests.map { [$0] }
        self.liars = liars
    }

    /// - Returns: false if there are enough of the block, or one of this peer.
    mutating func add(_ number: Int, from sender: PeerKey) -> Bool {
        guard senders[number].count < Self.maximumCount, !senders[number].contains(sender) else {
            return false
        }
        senders[number].append(sender)
        return true
    }

    /// The block of which this peer is to send a second copy.
    ///
    /// To find the right copies takes a second one of each block of whoever lied, and of no other. So
    /// they come for one peer's blocks after another's, those of whoever sends the fewest first.
    ///
    /// - Parameter requested: the blocks that are on their way, and from whom.
    /// - Returns: `nil` if of all blocks that are from others there is a second copy, or will be.
    package func nextSecond(from key: PeerKey, requested: [(number: Int, from: PeerKey)]) -> Int? {
        var counts = senders.map(\.count)
        var owners = senders.map(\.first)
        for request in requested {
            counts[request.number] += 1
            if owners[request.number] == nil { owners[request.number] = request.from }
        }
        var singles: [PeerKey: Int] = [:]
        for number in counts.indices where counts[number] == 1 {
            if let owner = owners[number] { singles[owner, default: 0] += 1 }
        }
        return counts.indices.lazy
            .filter { counts[$0] == 1 && owners[$0] != key }
            .min {
                func rank(_ number: Int) -> (Int, PeerKey, Int) {
                    let owner = owners[number] ?? key
                    return (singles[owner, default: 0], owner, number)
                }
                return rank($0) < rank($1)
            }
    }

    /// Takes over what was found out of those of its copies that were here before.
    ///
    /// - Returns: false if they are not the same.
    mutating func learn(from other: PieceCopies) -> Bool {
        guard zip(senders, other.senders).allSatisfy({ $0.starts(with: $1) }) else { return false }
        digests = other.digests
        tried = other.tried
        return true
    }

    /// Takes note of a copy's digest; in the order of the copies.
    package mutating func know(_ digest: UInt64, of number: Int) { digests[number].append(digest) }

    /// Tries selections of copies until one is right.
    ///
    /// - Parameter isRight: whether the copies of these numbers, by block, make the right piece.
    /// - Precondition: all digests are known.
    /// - Returns: the right selection; `nil` if it is not found.
    package mutating func search(_ isRight: ([Int]) throws -> Bool) rethrows -> [Int]? {
        guard senders.allSatisfy({ !$0.isEmpty }) else { return nil }
        let isEarly = senders.contains { $0.count == 1 }
        var tries = isEarly ? Self.maximumTries.early : Self.maximumTries.usually
        for (rank, selection) in hypotheses.enumerated() {
            // The first two are those of which nobody is doubted, and they are tried in any case.
            if rank > 1 {
                guard tries > 0, tried.count < Self.maximumTried else { return nil }
            }
            let chosen = digests(of: selection)
            guard tried.insert(chosen).inserted else { continue }
            tries -= 1
            if try isRight(selection) { return selection }
        }
        return nil
    }

    /// The digests of a selection.
    package func digests(of selection: [Int]) -> [UInt64] {
        selection.indices.map { digests[$0][selection[$0]] }
    }

    /// Who sent what is right, a block each time.
    func senders(of rightDigests: [UInt64]) -> [PeerKey] {
        digests.indices.flatMap { number in
            digests[number].indices.filter { digests[number][$0] == rightDigests[number] }
                .map { senders[number][$0] }
        }
    }

    /// As attempts at the piece, one after another.
    var attempts: FailedAttempts {
        var failure = FailedAttempts()
        for layer in 0..<(digests.map(\.count).max() ?? 0) {
            failure.add(
                .init(
                    senders: digests.indices.map {
                        layer < digests[$0].count ? senders[$0][layer] : nil
                    },
                    digests: digests.map { layer < $0.count ? $0[layer] : 0 }
                )
            )
        }
        return failure
    }

    /// Blocks that two peers have sent alike.
    var agreedBlocks: [Int] { digests.indices.filter { agreedCopy(of: $0) != nil } }

    private func agreedCopy(of number: Int) -> Int? {
        let digests = digests[number]
        return digests.indices.first { copy in
            digests[(copy + 1)...].contains(digests[copy])
        }
    }

    // MARK: Hypotheses

    /// Selections, the likeliest first.
    private var hypotheses: [[Int]] {
        let suspicion = Suspicion([attempts])
        let liars = liars.union(suspicion.liars)
        var base: [Int] = []
        /// Blocks of which nobody knows what is right, with the copies to try instead.
        var disputed: [Int: Int] = [:]
        for number in digests.indices {
            if let agreed = agreedCopy(of: number) {
                base.append(agreed)
                continue
            }
            let order = digests[number].indices.sorted {
                let (one, other) = (senders[number][$0], senders[number][$1])
                return (liars.contains(one) ? 1 : 0, $0) < (liars.contains(other) ? 1 : 0, $1)
            }
            base.append(order[0])
            if order.count > 1 { disputed[number] = order[1] }
        }
        // Who is believed though another says something else.
        let believed = Set(disputed.keys.map { senders[$0][base[$0]] }).sorted()
        let single = believed.map { [$0] }
        let pairs = believed.indices.flatMap { first in
            believed[(first + 1)...].map { [believed[first], $0] }
        }
        let likeliest = ([[]] + single + pairs).map { liars in
            var selection = base
            for (number, other) in disputed where liars.contains(senders[number][base[number]]) {
                selection[number] = other
            }
            return selection
        }
        // All first copies are right if nobody lied before the others came.
        return [base.map { _ in 0 }] + likeliest
    }
}
