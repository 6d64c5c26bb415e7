/// How long a server that is busy wants to be left alone.
///
/// RFC 9110, section 10.2.3, has the seconds in the header `Retry-After`; BEP 17 has them as the
/// whole body of an answer with status 503.
package struct RetryDelay: Equatable, Sendable {
    /// Nobody is obeyed for longer.
    static let maximumSeconds: Int64 = 3600

    package let duration: Duration

    /// - Returns: `nil` unless `text` is a number of seconds, blanks around it aside.
    package init?(_ text: some StringProtocol) {
        let digits = text.split(whereSeparator: \.isWhitespace)
        guard digits.count == 1, let number = digits.first, number.utf8.count <= 9,
            number.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seconds = Int64(number)
        else { return nil }
        duration = .seconds(min(seconds, Self.maximumSeconds))
    }
}
