/// The pieces that somebody has: one bit a piece, the first piece in the highest bit (BEP 3).
package struct Bitfield: Equatable, Sendable {
    package let count: Int
    /// Bits that are set.
    package private(set) var setCount: Int
    package private(set) var bytes: [UInt8]

    package init(count: Int) {
        self.count = count
        setCount = 0
        bytes = [UInt8](repeating: 0, count: (count + 7) / 8)
    }

    /// Every piece.
    package init(full count: Int) {
        self.count = count
        setCount = count
        bytes = [UInt8](repeating: 0xff, count: (count + 7) / 8)
        if count % 8 != 0 { bytes[bytes.count - 1] = 0xff << (8 - UInt8(count % 8)) }
    }

    /// - Returns: `nil` if the length is wrong or a spare bit at the end is set (BEP 3).
    package init?(bytes: [UInt8], count: Int) {
        guard bytes.count == (count + 7) / 8 else { return nil }
        if count % 8 != 0, let last = bytes.last, last << (count % 8) != 0 { return nil }
        self.count = count
        self.bytes = bytes
        setCount = bytes.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    /// Those that are set, in order.
    package var pieces: [PieceIndex] {
        (0..<count).lazy.map { PieceIndex($0) }.filter { self[$0] }
    }

    package var isComplete: Bool { setCount == count }
    package var isEmpty: Bool { setCount == 0 }

    /// What either has.
    ///
    /// - Precondition: both are of the same count.
    package func union(_ other: Bitfield) -> Bitfield {
        precondition(count == other.count, "bitfields of different torrents")
        var union = self
        for index in bytes.indices { union.bytes[index] |= other.bytes[index] }
        union.setCount = union.bytes.reduce(0) { $0 + $1.nonzeroBitCount }
        return union
    }

    package subscript(piece: PieceIndex) -> Bool {
        get { bytes[Int(piece.rawValue) >> 3] & (0x80 >> (UInt8(piece.rawValue & 7))) != 0 }
        set {
            guard self[piece] != newValue else { return }
            setCount += newValue ? 1 : -1
            bytes[Int(piece.rawValue) >> 3] ^= 0x80 >> (UInt8(piece.rawValue & 7))
        }
    }
}
