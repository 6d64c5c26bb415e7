/// A pattern of host names, as exports(5) has them: `*.example.org`, `node?`, `rack[1-4]-*`.
///
/// A `*` stands for any characters, dots among them, so that it matches hosts of subdomains too.
/// Case does not count.
package struct HostPattern: Equatable, Sendable {
    private enum Part: Equatable {
        case byte(UInt8)
        /// `?`
        case any
        /// `*`
        case anyRun
        /// `[a-c]`, or none of them with `[!a-c]`.
        case oneOf([ClosedRange<UInt8>], isNegated: Bool)
    }

    private let parts: [Part]

    /// - Returns: `nil` unless it is a name with at least one of `*`, `?` and `[`, whose brackets
    ///   are closed.
    package init?(_ text: String) {
        var rest = Array(text.lowercased().utf8)[...]
        var parts: [Part] = []
        var isPattern = false
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"): parts.append(.anyRun)
            case UInt8(ascii: "?"): parts.append(.any)
            case UInt8(ascii: "["):
                guard let part = Self.oneOf(&rest) else { return nil }
                parts.append(part)
            case _ where Self.isOfNames(byte):
                parts.append(.byte(byte))
                continue
            default: return nil
            }
            isPattern = true
        }
        guard isPattern else { return nil }
        self.parts = parts
    }

    package func matches(_ name: String) -> Bool {
        let name = Array(name.lowercased().utf8)
        var (place, part) = (0, 0)
        // Where the last run stands, and where what follows it is tried: no other has to be gone
        // back to.
        var lastRun: (part: Int, place: Int)?
        while place < name.count {
            if part < parts.count, parts[part] == .anyRun {
                lastRun = (part, place)
                part += 1
            } else if part < parts.count, Self.matches(parts[part], name[place]) {
                part += 1
                place += 1
            } else if let run = lastRun {
                lastRun = (run.part, run.place + 1)
                (part, place) = (run.part + 1, run.place + 1)
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { $0 == .anyRun }
    }

    private static func matches(_ part: Part, _ byte: UInt8) -> Bool {
        switch part {
        case .byte(let own): own == byte
        case .any, .anyRun: true
        case .oneOf(let ranges, let isNegated):
            ranges.contains { $0.contains(byte) } != isNegated
        }
    }

    /// What stands between brackets; the opening one has been read.
    private static func oneOf(_ rest: inout ArraySlice<UInt8>) -> Part? {
        var ranges: [ClosedRange<UInt8>] = []
        let isNegated = rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^")
        if isNegated { rest.removeFirst() }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "]") {
                return ranges.isEmpty ? nil : .oneOf(ranges, isNegated: isNegated)
            }
            guard isOfNames(byte) else { return nil }
            let isRange = rest.first == UInt8(ascii: "-") && rest.dropFirst().first != 0x5d
            guard isRange else {
                ranges.append(byte...byte)
                continue
            }
            rest.removeFirst()
            guard let end = rest.popFirst(), isOfNames(end), byte <= end else { return nil }
            ranges.append(byte...end)
        }
        return nil
    }

    private static func isOfNames(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }
}
