/// Damages valid input in the ways that break decoders; the seed makes a failure repeatable.
struct Mutator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    mutating func mutate(_ bytes: [UInt8], alphabet: [UInt8] = []) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let position = Int.random(in: 0...bytes.count, using: &self)
            let byte =
                alphabet.randomElement(using: &self) ?? UInt8.random(in: 0...255, using: &self)
            switch Int.random(in: 0..<6, using: &self) {
            case 0: bytes.insert(byte, at: position)
            case 1 where position < bytes.count: bytes.remove(at: position)
            case 2 where position < bytes.count:
                bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 3: bytes.removeLast(bytes.count - position)
            case 4 where position < bytes.count:
                let end = min(bytes.count, position + Int.random(in: 1...32, using: &self))
                bytes.insert(contentsOf: bytes[position..<end], at: position)
            default: if position < bytes.count { bytes[position] = byte }
            }
        }
        return bytes
    }
}
