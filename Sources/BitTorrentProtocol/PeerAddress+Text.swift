extension PeerAddress: CustomStringConvertible {
    /// `1.2.3.4:5` or `[2001:db8::1]:5`.
    package var description: String { isIPv6 ? "[\(hostText)]:\(port)" : "\(hostText):\(port)" }

    /// `1.2.3.4` or `2001:db8::1` (RFC 5952).
    package var hostText: String {
        let host = host
        guard isIPv6 else { return host.map { String($0) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(host[2 * $0]) << 8 | UInt16(host[2 * $0 + 1]) }
        func text(_ groups: ArraySlice<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        // RFC 5952, section 4.2: the first of the longest runs of two or more zeros is shortened.
        var longest = 0..<0
        var start = 0
        while start < 8 {
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            if end - start > max(longest.count, 1) { longest = start..<end }
            start = max(end, start + 1)
        }
        guard !longest.isEmpty else { return text(groups[...]) }
        return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
    }

    /// Reads an address written as a number, as trackers and users give it; asks no name server.
    ///
    /// - Returns: `nil` for a host name, anything malformed, or port zero.
    package init?(numericHost text: some StringProtocol, port: UInt16) {
        guard let host = ipv4Bytes(text) ?? ipv6Bytes(text) else { return nil }
        self.init(host: host, port: port)
    }

    /// Reads what `description` writes.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(decimal: text[text.index(after: colon)...])
        else { return nil }
        let host = text[..<colon]
        if host.first == "[", host.last == "]" {
            guard let bytes = ipv6Bytes(host.dropFirst().dropLast()) else { return nil }
            self.init(host: bytes, port: port)
        } else {
            guard let bytes = ipv4Bytes(host) else { return nil }
            self.init(host: bytes, port: port)
        }
    }
}

extension FixedWidthInteger {
    /// Digits only: no sign and, so that 010 is not taken for 8 or 10, no leading zero.
    fileprivate init?(decimal text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text.utf8.count == 1 || text.utf8.first != 0x30
        else { return nil }
        self.init(text, radix: 10)
    }
}

private func ipv4Bytes(_ text: some StringProtocol) -> [UInt8]? {
    let parts = text.split(separator: ".", maxSplits: 4, omittingEmptySubsequences: false)
    let bytes = parts.compactMap { UInt8(decimal: $0) }
    return parts.count == 4 && bytes.count == 4 ? bytes : nil
}

/// RFC 4291, section 2.2; without a zone, because a link-local address says nothing to others.
private func ipv6Bytes(_ text: some StringProtocol) -> [UInt8]? {
    guard text.utf8.count <= 45 else { return nil }
    let text = String(text)
    guard let gap = firstDoubleColon(in: text) else {
        let bytes = ipv6Groups(text[...])
        return bytes?.count == 16 ? bytes : nil
    }
    let head = text[..<gap.lowerBound]
    let tail = text[gap.upperBound...]
    // An IPv4 tail may stand only at the very end.
    guard let front = head.isEmpty ? [] : ipv6Groups(head, allowsIPv4: false),
        let back = tail.isEmpty ? [] : ipv6Groups(tail), front.count + back.count <= 14
    else { return nil }
    return front + [UInt8](repeating: 0, count: 16 - front.count - back.count) + back
}

private func firstDoubleColon(in text: String) -> Range<String.Index>? {
    var index = text.startIndex
    while let colon = text[index...].firstIndex(of: ":") {
        index = text.index(after: colon)
        if index < text.endIndex, text[index] == ":" { return colon..<text.index(after: index) }
    }
    return nil
}

private func ipv6Groups(_ text: Substring, allowsIPv4: Bool = true) -> [UInt8]? {
    let parts = text.split(separator: ":", maxSplits: 8, omittingEmptySubsequences: false)
    var bytes: [UInt8] = []
    for (position, part) in parts.enumerated() {
        if allowsIPv4, position == parts.count - 1, part.contains("."), let tail = ipv4Bytes(part) {
            bytes += tail
            continue
        }
        guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit),
            let group = UInt16(part, radix: 16)
        else { return nil }
        bytes += [UInt8(truncatingIfNeeded: group >> 8), UInt8(truncatingIfNeeded: group)]
    }
    return bytes
}

private func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
    default: false
    }
}
