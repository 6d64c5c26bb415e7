/// A web server that has a torrent's content.
package struct WebSeed: Hashable, Sendable {
    /// How it is asked.
    package enum Style: String, Sendable {
        /// `url-list` (BEP 19): it has the files, under their names.
        case getRight = "getright"
        /// `httpseeds` (BEP 17): a program there gives parts of pieces.
        case hoffman
    }

    static let maximumURLByteCount = 2048

    /// Of HTTP or HTTPS, printable ASCII without blanks, without a fragment.
    package let url: String
    package let style: Style

    /// - Parameter text: as torrents have it; blanks and bytes beyond ASCII are escaped.
    /// - Returns: `nil` for what is no URL of HTTP, has control characters or is too long.
    package init?(_ text: String, style: Style) {
        let bytes = text.prefix { $0 != "#" }.utf8
        guard bytes.count <= Self.maximumURLByteCount,
            bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
        else { return nil }
        let url = escaped(bytes)
        guard let scheme = url.firstRange(of: "://"),
            ["http", "https"].contains(url[..<scheme.lowerBound].lowercased()),
            let first = url[scheme.upperBound...].first, first != "/", first != "?"
        else { return nil }
        self.url = url
        self.style = style
    }

    /// Scheme, host and port: the rest of the URL may hold a secret.
    package var name: String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let end = url[scheme.upperBound...].firstIndex { $0 == "/" || $0 == "?" } ?? url.endIndex
        let start = url[scheme.upperBound..<end].lastIndex(of: "@").map { url.index(after: $0) }
        return String(url[..<scheme.upperBound] + url[(start ?? scheme.upperBound)..<end])
    }
}

/// What stands in a URL already is left as it is, escapes included.
private func escaped(_ bytes: some Sequence<UInt8>) -> String {
    bytes.reduce(into: "") { text, byte in
        if (0x21..<0x7f).contains(byte) {
            text.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            text += percentEncoded([byte])
        }
    }
}
