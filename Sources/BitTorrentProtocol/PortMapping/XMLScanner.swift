/// Why a text is not the simple XML that gateways send.
enum XMLError: Error, Equatable {
    case tooLong
    case tooDeep
    case tooManyElements
    case malformed
    /// Document types and entities of their own: nothing here needs them, and they can grow.
    case unsupported
}

/// Reads the elements and the text of a small XML document, strictly and within bounds; attributes
/// are passed over, prefixes of names dropped.
struct XMLScanner {
    static let maximumByteCount = 256 << 10
    static let maximumDepth = 32
    static let maximumElementCount = 4000

    enum Event: Equatable {
        case open(String)
        case text(String)
        case close(String)
    }

    private let bytes: [UInt8]
    private var position = 0
    private var open: [String] = []
    private var elementCount = 0
    private var closesAtOnce = false

    init(_ bytes: [UInt8]) throws(XMLError) {
        guard bytes.count <= Self.maximumByteCount else { throw .tooLong }
        self.bytes = bytes
    }

    /// - Returns: `nil` at the end of the document.
    mutating func next() throws(XMLError) -> Event? {
        if closesAtOnce {
            closesAtOnce = false
            return .close(Self.localName(open.removeLast()))
        }
        while position < bytes.count {
            if bytes[position] != UInt8(ascii: "<") {
                if let text = try text() { return .text(text) }
            } else if starts("<?") {
                try skip(through: "?>")
            } else if starts("<!--") {
                try skip(through: "-->")
            } else if starts("<![CDATA[") {
                return .text(try characterData())
            } else if starts("<!") {
                throw .unsupported
            } else if starts("</") {
                return try closing()
            } else {
                return try opening()
            }
        }
        guard open.isEmpty, elementCount > 0 else { throw .malformed }
        return nil
    }

    // MARK: Tags

    private mutating func opening() throws(XMLError) -> Event {
        guard open.count < Self.maximumDepth else { throw .tooDeep }
        elementCount += 1
        guard elementCount <= Self.maximumElementCount else { throw .tooManyElements }
        // A document has one root.
        guard !open.isEmpty || elementCount == 1 else { throw .malformed }
        position += 1
        let name = try name()
        try skipAttributes()
        if starts("/>") {
            closesAtOnce = true
            position += 2
        } else {
            guard starts(">") else { throw .malformed }
            position += 1
        }
        open.append(name)
        return .open(Self.localName(name))
    }

    private mutating func closing() throws(XMLError) -> Event {
        position += 2
        let name = try name()
        skipSpace()
        guard starts(">"), open.popLast() == name else { throw .malformed }
        position += 1
        return .close(Self.localName(name))
    }

    private mutating func name() throws(XMLError) -> String {
        let start = position
        while position < bytes.count, Self.isNameByte(bytes[position]) { position += 1 }
        guard position > start, position - start <= 128 else { throw .malformed }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func skipAttributes() throws(XMLError) {
        while true {
            skipSpace()
            guard position < bytes.count else { throw .malformed }
            if !Self.isNameByte(bytes[position]) { return }
            _ = try name()
            skipSpace()
            guard starts("=") else { throw .malformed }
            position += 1
            skipSpace()
            guard position < bytes.count else { throw .malformed }
            let quote = bytes[position]
            guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
                let end = bytes[(position + 1)...].firstIndex(of: quote),
                !bytes[position..<end].contains(UInt8(ascii: "<"))
            else { throw .malformed }
            position = end + 1
        }
    }

    private static func localName(_ name: String) -> String {
        name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: ":"), 0x80...0xff:
            true
        default: false
        }
    }

    // MARK: Text

    /// - Returns: `nil` if it is but space.
    private mutating func text() throws(XMLError) -> String? {
        let end = bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
        let raw = bytes[position..<end]
        position = end
        guard raw.contains(where: { !Self.isSpace($0) }) else { return nil }
        guard !open.isEmpty else {
            // Some gateways send a byte order mark.
            if raw.elementsEqual([0xef, 0xbb, 0xbf]), elementCount == 0 { return nil }
            throw .malformed
        }
        return String(decoding: try unescaped(raw), as: UTF8.self)
    }

    private func unescaped(_ raw: ArraySlice<UInt8>) throws(XMLError) -> [UInt8] {
        guard raw.contains(UInt8(ascii: "&")) else { return Array(raw) }
        var output: [UInt8] = []
        var rest = raw
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "&") else {
                output.append(byte)
                continue
            }
            guard let end = rest.prefix(9).firstIndex(of: UInt8(ascii: ";")) else {
                throw .malformed
            }
            output += try Self.entity(rest[..<end])
            rest = rest[(end + 1)...]
        }
        return output
    }

    private static func entity(_ name: ArraySlice<UInt8>) throws(XMLError) -> [UInt8] {
        switch String(decoding: name, as: UTF8.self) {
        case "lt": return [UInt8(ascii: "<")]
        case "gt": return [UInt8(ascii: ">")]
        case "amp": return [UInt8(ascii: "&")]
        case "quot": return [UInt8(ascii: "\"")]
        case "apos": return [UInt8(ascii: "'")]
        case let number where number.hasPrefix("#"):
            let isHexadecimal = number.hasPrefix("#x")
            let digits = number.dropFirst(isHexadecimal ? 2 : 1)
            guard let code = UInt32(digits, radix: isHexadecimal ? 16 : 10), code != 0,
                let scalar = Unicode.Scalar(code)
            else { throw .malformed }
            return Array(String(Character(scalar)).utf8)
        default: throw .unsupported
        }
    }

    private mutating func characterData() throws(XMLError) -> String {
        guard !open.isEmpty else { throw .malformed }
        let start = position + 9
        try skip(through: "]]>")
        guard position - 3 >= start else { throw .malformed }
        return String(decoding: bytes[start..<position - 3], as: UTF8.self)
    }

    // MARK: Bytes

    private func starts(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[position...].starts(with: $0) }
    }

    private mutating func skip(through mark: StaticString) throws(XMLError) {
        while position < bytes.count {
            if starts(mark) {
                position += mark.utf8CodeUnitCount
                return
            }
            position += 1
        }
        throw .malformed
    }

    private mutating func skipSpace() {
        while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0d).contains(byte)
    }
}
