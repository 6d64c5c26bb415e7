import CTirpcSystem

/// libtirpc as the judge of the XDR written and read here.
enum Oracle {
    static func encode(_ body: (inout XDR) -> Bool) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0xEE, count: 4096)
        let count = bytes.withUnsafeMutableBytes { memory -> Int? in
            var xdr = XDR()
            xdrmem_create(
                &xdr,
                memory.baseAddress?.assumingMemoryBound(to: CChar.self),
                UInt32(memory.count),
                XDR_ENCODE
            )
            return body(&xdr) ? Int(xdr.x_ops.pointee.x_getpostn(&xdr)) : nil
        }
        return count.map { Array(bytes.prefix($0)) }
    }

    static func decode(_ bytes: [UInt8], _ body: (inout XDR) -> Bool) -> Bool {
        var copy = bytes
        return copy.withUnsafeMutableBytes { memory in
            var xdr = XDR()
            xdrmem_create(
                &xdr,
                memory.baseAddress?.assumingMemoryBound(to: CChar.self),
                UInt32(memory.count),
                XDR_DECODE
            )
            return body(&xdr)
        }
    }
}

/// SplitMix64: the same numbers from the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// Flips, overwrites, cuts, repeats and extends: what a broken or hostile peer does to bytes.
struct Mutator {
    private static let edges: [UInt8] = [0x00, 0x01, 0x7F, 0x80, 0xFF]
    var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    mutating func mutate(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            guard !bytes.isEmpty else { return bytes }
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[index] = Self.edges.randomElement(using: &generator) ?? 0
            case 2: bytes.removeSubrange(index...)
            case 3:
                let word = UInt32.random(in: 0...UInt32.max, using: &generator)
                let start = index & ~3
                for offset in 0..<4 where start + offset < bytes.count {
                    bytes[start + offset] = UInt8(truncatingIfNeeded: word >> (8 * offset))
                }
            case 4: bytes.insert(contentsOf: bytes[index...].prefix(16), at: index)
            default: bytes.append(UInt8.random(in: 0...255, using: &generator))
            }
        }
        return bytes
    }
}
