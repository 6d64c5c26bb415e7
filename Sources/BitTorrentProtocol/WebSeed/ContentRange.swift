/// The value of the header `Content-Range` (RFC 9110, section 14.4) of an answer in part.
package struct ContentRange: Equatable, Sendable {
    package let range: Range<UInt64>
    /// Bytes of the whole resource; `nil` if the server does not say.
    package let resourceLength: UInt64?

    /// - Returns: `nil` unless `text` is `bytes first-last/length`, with a range inside the length.
    package init?(_ text: some StringProtocol) {
        let unit = "bytes "
        guard text.utf8.count <= 128, text.prefix(unit.count).lowercased() == unit else {
            return nil
        }
        let parts = text.dropFirst(unit.count).split(
            separator: "/",
            omittingEmptySubsequences: false
        )
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
            first <= last, last < UInt64.max
        else { return nil }
        range = first..<last + 1
        if parts[1] == "*" {
            resourceLength = nil
        } else {
            guard let length = Self.number(parts[1]), last < length else { return nil }
            resourceLength = length
        }
    }

    private static func number(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt64(text)
    }
}
