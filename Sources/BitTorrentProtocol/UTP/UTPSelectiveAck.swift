/// Which datagrams have come beyond the first one that is missing (BEP 29, extension 1).
///
/// The first bit is two numbers beyond the acknowledged one, because the one next to it is missing.
package struct UTPSelectiveAck: Equatable, Sendable {
    /// Numbers between the acknowledged one and that of the first bit.
    package static let firstOffset = 2
    /// Datagrams that one can tell of: as many as four bytes at a time can name in 255.
    package static let maximumBitCount = 8 * 252

    /// The lowest bit of a byte comes first; ours are a whole number of four bytes.
    package private(set) var bytes: [UInt8]

    /// - Parameter offsets: bits that are set, ascending; those beyond the maximum are left out.
    package init(_ offsets: some Sequence<Int>) {
        bytes = []
        for offset in offsets {
            guard offset < Self.maximumBitCount else { break }
            while bytes.count <= offset / 8 { bytes += [0, 0, 0, 0] }
            bytes[offset / 8] |= 1 << UInt8(offset % 8)
        }
        if bytes.isEmpty { bytes = [0, 0, 0, 0] }
    }

    /// BEP 29 wants a whole number of four bytes, but libtorrent sends as many as it needs.
    ///
    /// - Returns: `nil` if there are no bytes.
    init?(decoding bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty else { return nil }
        self.bytes = Array(bytes)
    }

    /// The bits that are set, ascending.
    package var offsets: some Sequence<Int> {
        bytes.indices.lazy.filter { bytes[$0] != 0 }.flatMap { index in
            (0..<8).lazy.filter { bytes[index] & 1 << UInt8($0) != 0 }.map { 8 * index + $0 }
        }
    }
}
