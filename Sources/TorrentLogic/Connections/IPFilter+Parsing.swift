import BitTorrentProtocol

/// What is wrong with a file of address ranges.
package struct IPFilterError: Error, Equatable, CustomStringConvertible {
    package struct Problem: Equatable, Sendable {
        /// Counts from 1.
        package let line: Int
        package let message: String
    }

    package let file: String
    /// The first ones, in the order of their lines.
    package let problems: [Problem]

    package var description: String {
        problems.map { "\(file):\($0.line): \($0.message)" }.joined(separator: "\n")
    }
}

extension IPFilter {
    /// Problems that one error names.
    private static let maximumProblemCount = 20
    /// eMule: a range whose level is above this is none to keep out.
    private static let highestBlockedLevel = 127

    /// Reads a list of ranges, one a line, in any of the forms that are common.
    ///
    ///     name of the range:1.2.3.0-1.2.3.255                       P2P (PeerGuardian)
    ///     001.002.003.000 - 001.002.003.255 , 000 , its name        eMule
    ///     1.2.3.0/24, 2001:db8::/32, 1.2.3.4                        CIDR, addresses
    ///     2001:db8:: - 2001:db8::ffff
    ///
    /// Empty lines and those that begin with `#`, `;` or `//` say nothing.
    ///
    /// - Parameter file: the name that messages begin with.
    /// - Throws: if a single line cannot be read.
    package init(parsing bytes: [UInt8], file: String) throws(IPFilterError) {
        var ipv4: [Range<UInt32>] = []
        var ipv6: [Range<IPv6>] = []
        var problems: [IPFilterError.Problem] = []
        var number = 0
        for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
            number += 1
            switch Line(line) {
            case .nothing: break
            case .ipv4(let range): ipv4.append(range)
            case .ipv6(let range): ipv6.append(range)
            case .wrong(let message):
                problems.append(.init(line: number, message: message))
            }
            if problems.count == Self.maximumProblemCount { break }
        }
        guard problems.isEmpty else { throw IPFilterError(file: file, problems: problems) }
        self.init(ipv4: ipv4, ipv6: ipv6)
    }

    private enum Line {
        case nothing
        case ipv4(Range<UInt32>)
        case ipv6(Range<IPv6>)
        case wrong(String)

        init(_ bytes: ArraySlice<UInt8>) {
            var text = Text(bytes)
            if text.isEmpty || text.begins(with: "#") || text.begins(with: ";")
                || text.begins(with: "//")
            {
                self = .nothing
                return
            }
            if let line = Self.addresses(&text) {
                self = line
                return
            }
            // A name may hold anything, colons too.
            var named = Text(bytes)
            if named.skipThroughLastColon(), let line = Self.addresses(&named) {
                self = line
            } else {
                self = .wrong(
                    "no range of addresses; write 1.2.3.0/24, 1.2.3.0-1.2.3.255 or "
                        + "name:1.2.3.0-1.2.3.255"
                )
            }
        }

        /// What stands at the front of `text`, up to its end or a comma; `nil` if that is no range.
        private static func addresses(_ text: inout Text) -> Line? {
            guard let first = text.takeAddress() else { return nil }
            if text.take(0x2f) {
                guard let length = text.takeNumber(), text.isEmpty else { return nil }
                return range(first, prefixLength: length)
            }
            var last = first
            if text.take(0x2d) {
                guard let end = text.takeAddress() else { return nil }
                last = end
            }
            if text.take(0x2c) {
                guard let level = text.takeNumber() else { return nil }
                guard text.isEmpty || text.take(0x2c) else { return nil }
                if level > highestBlockedLevel { return .nothing }
            } else if !text.isEmpty {
                return nil
            }
            switch (first, last) {
            case (.ipv4(let first), .ipv4(let last)) where first <= last:
                return .ipv4(Range(first: first, last: last))
            case (.ipv6(let first), .ipv6(let last)) where first <= last:
                return .ipv6(Range(first: first, last: last))
            case (.ipv4, .ipv4), (.ipv6, .ipv6):
                return .wrong("the range ends before it begins; exchange the addresses")
            default:
                return .wrong("the range begins with one kind of address and ends with another")
            }
        }

        private static func range(_ address: Text.Address, prefixLength length: Int) -> Line {
            switch address {
            case .ipv4(let address):
                guard length <= 32 else { return .wrong("the prefix is longer than 32 bits") }
                let rest = length == 0 ? UInt32.max : (UInt32(1) << (32 - length)) - 1
                return .ipv4(Range(first: address & ~rest, last: address | rest))
            case .ipv6(let address):
                guard length <= 128 else { return .wrong("the prefix is longer than 128 bits") }
                let high = length >= 64 ? 0 : UInt64.max >> length
                let low = length <= 64 ? UInt64.max : length == 128 ? 0 : .max >> (length - 64)
                return .ipv6(
                    Range(
                        first: IPv6(high: address.high & ~high, low: address.low & ~low),
                        last: IPv6(high: address.high | high, low: address.low | low)
                    )
                )
            }
        }
    }

    /// A line that is read from its front; spaces between its parts do not count.
    private struct Text {
        enum Address {
            case ipv4(UInt32)
            case ipv6(IPv6)
        }

        private var rest: ArraySlice<UInt8>

        init(_ line: ArraySlice<UInt8>) {
            rest = line
            skipSpaces()
            while let last = rest.last, Self.isSpace(last) { rest.removeLast() }
        }

        var isEmpty: Bool { rest.isEmpty }

        func begins(with text: StaticString) -> Bool {
            text.withUTF8Buffer { rest.starts(with: $0) }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            guard rest.first == byte else { return false }
            rest.removeFirst()
            skipSpaces()
            return true
        }

        /// At most three digits.
        mutating func takeNumber() -> Int? {
            var (value, count) = (0, 0)
            while let byte = rest.first, (0x30...0x39).contains(byte), count < 3 {
                value = value * 10 + Int(byte - 0x30)
                count += 1
                rest.removeFirst()
            }
            skipSpaces()
            return count == 0 ? nil : value
        }

        mutating func takeAddress() -> Address? {
            if let address = takeIPv4() { return .ipv4(address) }
            let text = rest.prefix { byte in
                byte == 0x3a || byte == 0x2e || (0x30...0x39).contains(byte)
                    || (0x61...0x66).contains(byte | 0x20)
            }
            guard text.count <= 45, text.contains(0x3a),
                let address = PeerAddress(
                    numericHost: Substring(decoding: text, as: UTF8.self),
                    port: 1
                )
            else { return nil }
            rest = rest.dropFirst(text.count)
            skipSpaces()
            let host = address.host
            guard address.isIPv6 else {
                return .ipv4(host.reduce(0) { $0 << 8 | UInt32($1) })
            }
            return .ipv6(
                IPv6(
                    high: host.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                    low: host.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
                )
            )
        }

        mutating func skipThroughLastColon() -> Bool {
            guard let colon = rest.lastIndex(of: 0x3a) else { return false }
            rest = rest[(colon + 1)...]
            skipSpaces()
            return true
        }

        /// Zeros may lead, as eMule writes them.
        private mutating func takeIPv4() -> UInt32? {
            var text = rest
            var address: UInt32 = 0
            for part in 0..<4 {
                if part > 0 {
                    guard text.first == 0x2e else { return nil }
                    text.removeFirst()
                }
                var (value, count) = (UInt32(0), 0)
                while let byte = text.first, (0x30...0x39).contains(byte), count < 3 {
                    value = value * 10 + UInt32(byte - 0x30)
                    count += 1
                    text.removeFirst()
                }
                guard count > 0, value <= 255 else { return nil }
                address = address << 8 | value
            }
            rest = text
            skipSpaces()
            return address
        }

        private mutating func skipSpaces() {
            while let first = rest.first, Self.isSpace(first) { rest.removeFirst() }
        }

        private static func isSpace(_ byte: UInt8) -> Bool {
            byte == 0x20 || byte == 0x09 || byte == 0x0d
        }
    }
}
