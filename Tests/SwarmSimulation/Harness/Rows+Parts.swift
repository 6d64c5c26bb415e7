import Glibc
import TorrentLogic

// What rows are made of.
extension Row {
    /// A seed that does its best; half of them speak the fast extension.
    static func honest(
        _ rate: Double,
        _ milliseconds: Double,
        _ generator: inout SeededGenerator
    ) -> PeerScript {
        var script = PeerScript(
            rate: generator.around(rate),
            latency: .milliseconds(generator.around(milliseconds))
        )
        script.jitter = 0.05
        script.isFast = Bool.random(using: &generator)
        return script
    }

    /// Peers near and far, some ten times as fast as others, and of this many bytes a second in all.
    static func mixed(
        _ count: Int,
        sum: Double,
        _ generator: inout SeededGenerator
    ) -> [PeerScript] {
        let shares = (0..<count).map { _ in exp2(Double.random(in: 0..<3.3, using: &generator)) }
        let whole = shares.reduce(0, +)
        return shares.map { share in
            let latency = 10 * exp2(Double.random(in: 0..<3.3, using: &generator))
            var script = honest(1, latency, &generator)
            script.rate = sum * share / whole
            script.jitter = 0.2
            return script
        }
    }

    /// 13 MiB from the start and from four other places, as in the comparison with libtorrent.
    static func seeking(
        _ byteRate: Double,
        _ length: UInt64,
        _ extent: Extent,
        _ generator: inout SeededGenerator
    ) -> PlayerScript {
        let places = [0] + (0..<extent.of(4, 1)).map { _ in generator.place(in: length) }
        return PlayerScript(
            byteRate: byteRate,
            scenes: places.map { .init(offset: $0, byteCount: extent.of(13, 3) * mebibyte) }
        )
    }
}
