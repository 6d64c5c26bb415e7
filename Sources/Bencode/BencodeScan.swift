/// One pass over an input, with a stack of the lists and dictionaries that are open.
struct BencodeScan {
    private struct Container {
        let node: Int
        let isDictionary: Bool
        /// The key before the place reached, or `nil` before the first one.
        var lastKey: Range<Int>?
        /// True after a key: a value must follow.
        var awaitsValue = false
        /// True once a key was not above the one before it; duplicates are then looked for at the end.
        var isUnsorted = false
    }

    private let bytes: [UInt8]
    private let limits: BencodeLimits
    private let keyOrder: BencodeDecoder.KeyOrder
    private var open: [Container] = []
    private(set) var nodes: [BencodeDocument.Node] = []
    private(set) var position = 0

    init(bytes: [UInt8], limits: BencodeLimits, keyOrder: BencodeDecoder.KeyOrder) {
        self.bytes = bytes
        self.limits = limits
        self.keyOrder = keyOrder
    }

    mutating func run() throws(BencodeError) {
        repeat {
            guard position < bytes.count else { throw BencodeError(.truncated, at: position) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "e"), !open.isEmpty {
                try close()
                continue
            }
            let isKey = open.last.map { $0.isDictionary && !$0.awaitsValue } ?? false
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): try string(isKey: isKey)
            case _ where isKey: throw BencodeError(.keyNotString, at: position)
            case UInt8(ascii: "i"): try integer()
            case UInt8(ascii: "l"), UInt8(ascii: "d"):
                // The new container is itself the value that was awaited.
                markValueSeen()
                try openContainer(isDictionary: byte == UInt8(ascii: "d"))
            default: throw BencodeError(.unexpectedByte(byte), at: position)
            }
        } while !open.isEmpty
    }

    private mutating func append(
        _ kind: BencodeValue.Kind,
        start: Int,
        content: Int,
        end: Int
    ) throws(BencodeError) {
        guard nodes.count < limits.valueCount else { throw BencodeError(.tooManyValues, at: start) }
        nodes.append(
            BencodeDocument.Node(
                kind: kind,
                start: UInt32(start),
                content: UInt32(content),
                end: UInt32(end),
                next: UInt32(nodes.count + 1)
            )
        )
    }

    private mutating func markValueSeen() {
        guard !open.isEmpty else { return }
        open[open.count - 1].awaitsValue = false
    }

    private mutating func openContainer(isDictionary: Bool) throws(BencodeError) {
        guard open.count < limits.depth else { throw BencodeError(.tooDeep, at: position) }
        open.append(Container(node: nodes.count, isDictionary: isDictionary))
        try append(
            isDictionary ? .dictionary : .list,
            start: position,
            content: position + 1,
            end: position
        )
        position += 1
    }

    private mutating func close() throws(BencodeError) {
        let container = open.removeLast()
        guard !container.awaitsValue else { throw BencodeError(.missingValue, at: position) }
        position += 1
        nodes[container.node].end = UInt32(position)
        nodes[container.node].next = UInt32(nodes.count)
        if container.isUnsorted { try rejectDuplicateKeys(of: container.node) }
    }

    private mutating func integer() throws(BencodeError) {
        let start = position
        let content = start + 1
        var cursor = content
        let isNegative = cursor < bytes.count && bytes[cursor] == UInt8(ascii: "-")
        if isNegative { cursor += 1 }
        let firstDigit = cursor
        // The largest magnitude: one more below zero than above.
        let bound = UInt64(Int64.max) + (isNegative ? 1 : 0)
        var magnitude: UInt64 = 0
        while cursor < bytes.count, let digit = decimalDigit(bytes[cursor]) {
            // A number grows with each digit that is not a leading zero, so this bounds the digits.
            let (tens, tooLarge) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = tens.addingReportingOverflow(UInt64(digit))
            guard !tooLarge, !overflow, sum <= bound else {
                throw BencodeError(.integerOverflow, at: start)
            }
            guard cursor == firstDigit || bytes[firstDigit] != UInt8(ascii: "0") else {
                throw BencodeError(.malformedInteger, at: start)
            }
            magnitude = sum
            cursor += 1
        }
        guard cursor < bytes.count else { throw BencodeError(.truncated, at: start) }
        guard bytes[cursor] == UInt8(ascii: "e"), cursor > firstDigit,
            !(isNegative && magnitude == 0)
        else { throw BencodeError(.malformedInteger, at: start) }
        position = cursor + 1
        try append(.integer, start: start, content: content, end: position)
        markValueSeen()
    }

    private mutating func string(isKey: Bool) throws(BencodeError) {
        let start = position
        var cursor = start
        var length = 0
        while cursor < bytes.count, let digit = decimalDigit(bytes[cursor]) {
            guard cursor == start || bytes[start] != UInt8(ascii: "0") else {
                throw BencodeError(.malformedLength, at: start)
            }
            length = length * 10 + digit
            // Before the next digit, so that the sum cannot overflow.
            guard length <= bytes.count else { throw BencodeError(.stringTooLong, at: start) }
            cursor += 1
        }
        guard cursor < bytes.count else { throw BencodeError(.truncated, at: start) }
        guard bytes[cursor] == UInt8(ascii: ":") else {
            throw BencodeError(.malformedLength, at: start)
        }
        let content = cursor + 1
        guard length <= bytes.count - content else { throw BencodeError(.stringTooLong, at: start) }
        position = content + length
        try append(.string, start: start, content: content, end: position)
        if isKey {
            try acceptKey(content..<position, start: start)
        } else {
            markValueSeen()
        }
    }

    private mutating func acceptKey(_ key: Range<Int>, start: Int) throws(BencodeError) {
        let last = open.count - 1
        if let previous = open[last].lastKey {
            switch compare(previous, key) {
            case ..<0: break
            case 0: throw BencodeError(.duplicateKey, at: start)
            default:
                guard keyOrder == .any else { throw BencodeError(.unsortedKeys, at: start) }
                open[last].isUnsorted = true
            }
        }
        open[last].lastKey = key
        open[last].awaitsValue = true
    }

    private func rejectDuplicateKeys(of dictionary: Int) throws(BencodeError) {
        var keys: [(content: Range<Int>, start: Int)] = []
        var index = dictionary + 1
        while index < Int(nodes[dictionary].next) {
            let key = nodes[index]
            keys.append((Int(key.content)..<Int(key.end), Int(key.start)))
            index = Int(nodes[index + 1].next)
        }
        keys.sort {
            let order = compare($0.content, $1.content)
            return order < 0 || order == 0 && $0.start < $1.start
        }
        for (key, following) in zip(keys, keys.dropFirst())
        where compare(key.content, following.content) == 0 {
            throw BencodeError(.duplicateKey, at: following.start)
        }
    }

    /// Raw bytes, as BEP 3 orders keys: negative, zero or positive.
    private func compare(_ left: Range<Int>, _ right: Range<Int>) -> Int {
        for (leftByte, rightByte) in zip(bytes[left], bytes[right]) where leftByte != rightByte {
            return leftByte < rightByte ? -1 : 1
        }
        return left.count - right.count
    }
}

private func decimalDigit(_ byte: UInt8) -> Int? {
    let digit = byte &- UInt8(ascii: "0")
    return digit < 10 ? Int(digit) : nil
}
