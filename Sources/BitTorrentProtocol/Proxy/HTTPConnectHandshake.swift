package import NIOCore

/// Our side of a connection through an HTTP proxy (`CONNECT`, RFC 9110, section 9.3.6), up to the
/// point from which the destination is spoken with.
package struct HTTPConnectHandshake: Sendable {
    /// Bytes of an answer that are read before it is refused.
    static let maximumResponseByteCount = 8192

    private let destination: ProxyDestination
    private let credentials: ProxyCredentials?
    package private(set) var isComplete = false

    package init(to destination: ProxyDestination, credentials: ProxyCredentials?) {
        self.destination = destination
        self.credentials = credentials
    }

    /// What is sent first.
    package var greeting: [UInt8] {
        var lines = ["CONNECT \(destination) HTTP/1.1", "Host: \(destination)"]
        if let credentials {
            lines.append("Proxy-Authorization: \(credentials.basicAuthorization)")
        }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    /// Takes the answer once all of its head is here; what follows is left, and so is the beginning
    /// of a head.
    ///
    /// - Returns: what is to be sent now, which is nothing.
    package mutating func received(_ bytes: inout ByteBuffer) throws(ProxyError) -> [UInt8] {
        guard !isComplete else { return [] }
        let view = bytes.readableBytesView
        // Noticed before the end, because something else may have none.
        let start = Array("HTTP/1.".utf8)
        guard zip(view, start).allSatisfy({ $0 == $1 }) else { throw .malformed }
        guard let end = Self.endOfHead(view) else {
            guard view.count < Self.maximumResponseByteCount else { throw .malformed }
            return []
        }
        let head = String(decoding: view[..<end], as: UTF8.self)
        let line = head.prefix { !$0.isNewline }
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[1].utf8.count == 3, let status = UInt16(words[1]) else {
            throw .malformed
        }
        switch status {
        case 200..<300: break
        case 407: throw credentials == nil ? .wantsCredentials : .wrongCredentials
        default: throw .refused("it answers with HTTP status \(status)")
        }
        bytes.moveReaderIndex(to: end)
        isComplete = true
        return []
    }

    /// The index behind the empty line; lines may end without a carriage return.
    private static func endOfHead(_ view: ByteBufferView) -> Int? {
        var isLineEmpty = false
        for index in view.indices.prefix(maximumResponseByteCount) {
            switch view[index] {
            case UInt8(ascii: "\n"):
                if isLineEmpty { return index + 1 }
                isLineEmpty = true
            case UInt8(ascii: "\r"): break
            default: isLineEmpty = false
            }
        }
        return nil
    }
}
