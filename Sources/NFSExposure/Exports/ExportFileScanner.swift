/// The bytes of an exports file as words, with exports(5)'s quotes, octal escapes, comments and
/// continued lines.
struct ExportFileScanner {
    struct Word {
        let bytes: [UInt8]
        let position: ExportPosition
        /// Whether any of it was quoted or escaped, so that `"*"` and `-` can be names.
        let isLiteral: Bool

        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    private let bytes: [UInt8]
    private var offset = 0
    private(set) var position = ExportPosition(line: 1, column: 1)

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { offset == bytes.count }
    var isAtEndOfLine: Bool { isAtEnd || peek() == Ascii.newline }
    var isAtParenthesis: Bool { peek() == Ascii.openParenthesis }

    /// Passes blanks, continued line ends and a comment; stays before the end of the line.
    mutating func skipBlanks() {
        while let byte = peek() {
            if Ascii.isBlank(byte) {
                advance()
            } else if isAtContinuation {
                advance()
                advancePastNewline()
            } else if byte == Ascii.hash {
                skipToEndOfLine()
            } else {
                return
            }
        }
    }

    mutating func skipToEndOfLine() {
        while !isAtEndOfLine { advance() }
    }

    /// After an error: passes the rest of the line with all lines that continue it.
    mutating func skipContinuedLine() {
        while !isAtEndOfLine {
            if isAtContinuation {
                advance()
                advancePastNewline()
            } else {
                advance()
            }
        }
    }

    mutating func skipNewline() {
        if peek() == Ascii.newline { advance() }
    }

    /// A path or client: up to a blank, the end of the line or, for clients, a parenthesis.
    mutating func word(endsAtParenthesis: Bool) throws(ExportSyntaxError) -> Word {
        let start = position
        var result: [UInt8] = []
        var isLiteral = false
        var isQuoted = false
        while let byte = peek(), byte != Ascii.newline {
            if isQuoted, byte == Ascii.quote {
                isQuoted = false
                advance()
            } else if !isQuoted, byte == Ascii.quote {
                isQuoted = true
                isLiteral = true
                advance()
            } else if byte == Ascii.backslash, !isQuoted, isAtContinuation {
                break
            } else if byte == Ascii.backslash {
                isLiteral = true
                result.append(try escape())
            } else if !isQuoted,
                Ascii.isBlank(byte) || (endsAtParenthesis && byte == Ascii.openParenthesis)
            {
                break
            } else {
                result.append(byte)
                advance()
            }
        }
        if isQuoted {
            throw ExportSyntaxError(
                position: start,
                message: "a quote is not closed on this line; add the missing \""
            )
        }
        if result.contains(0) {
            throw ExportSyntaxError(position: start, message: "a name cannot hold a zero byte")
        }
        return Word(bytes: result, position: start, isLiteral: isLiteral)
    }

    /// The options between parentheses, split at commas; the scanner stands at the opening one.
    mutating func parenthesized() throws(ExportSyntaxError) -> [Word] {
        let start = position
        advance()
        var options: [Word] = []
        var current: [UInt8] = []
        var begin = position
        while let byte = peek() {
            switch byte {
            case Ascii.closeParenthesis, Ascii.comma:
                if !current.isEmpty {
                    options.append(Word(bytes: current, position: begin, isLiteral: false))
                }
                current = []
                advance()
                begin = position
                if byte == Ascii.closeParenthesis { return options }
            case Ascii.newline:
                throw ExportSyntaxError(
                    position: start,
                    message: "a parenthesis is not closed; add the missing )"
                )
            case Ascii.backslash where !isAtContinuation: current.append(try escape())
            case _ where Ascii.isBlank(byte) || byte == Ascii.backslash:
                throw ExportSyntaxError(
                    position: position,
                    message:
                        "options are separated by commas alone; remove the blank, or write \\040 "
                        + "for one in a path"
                )
            default:
                current.append(byte)
                advance()
            }
        }
        throw ExportSyntaxError(
            position: start,
            message: "a parenthesis is not closed; add the missing )"
        )
    }

    private var isAtContinuation: Bool {
        guard peek() == Ascii.backslash else { return false }
        let next = offset + 1 < bytes.count ? bytes[offset + 1] : nil
        if next == Ascii.carriageReturn {
            return offset + 2 < bytes.count && bytes[offset + 2] == Ascii.newline
        }
        return next == Ascii.newline
    }

    private mutating func advancePastNewline() {
        while let byte = peek() {
            advance()
            if byte == Ascii.newline { return }
        }
    }

    private mutating func escape() throws(ExportSyntaxError) -> UInt8 {
        let start = position
        advance()
        var value = 0
        for _ in 0..<3 {
            guard let digit = peek(), (0x30...0x37).contains(digit) else {
                throw ExportSyntaxError(
                    position: start,
                    message: "a backslash needs three octal digits after it, such as \\040"
                )
            }
            value = value * 8 + Int(digit - 0x30)
            advance()
        }
        guard let byte = UInt8(exactly: value) else {
            throw ExportSyntaxError(
                position: start,
                message: "an octal escape goes up to \\377"
            )
        }
        return byte
    }

    private func peek() -> UInt8? {
        offset < bytes.count ? bytes[offset] : nil
    }

    private mutating func advance() {
        guard offset < bytes.count else { return }
        let byte = bytes[offset]
        offset += 1
        if byte == Ascii.newline {
            position = ExportPosition(line: position.line + 1, column: 1)
        } else if byte & 0xc0 != 0x80 {
            position.column += 1
        }
    }
}

enum Ascii {
    static let newline = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let hash = UInt8(ascii: "#")
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let openParenthesis = UInt8(ascii: "(")
    static let closeParenthesis = UInt8(ascii: ")")
    static let comma = UInt8(ascii: ",")
    static let slash = UInt8(ascii: "/")

    static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == carriageReturn
    }
}
