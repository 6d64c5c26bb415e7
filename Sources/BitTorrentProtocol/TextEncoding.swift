/// RFC 3986, section 2.1: every byte but the unreserved ones becomes `%XX`.
func percentEncoded(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var output: [UInt8] = []
    for byte in bytes {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            output.append(byte)
        default:
            output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: output, as: UTF8.self)
}

/// - Returns: `nil` if a `%` is not followed by two hexadecimal digits.
func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool) -> [UInt8]? {
    var output: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "%"):
            guard let high = rest.popFirst().flatMap(hexadecimalDigit),
                let low = rest.popFirst().flatMap(hexadecimalDigit)
            else { return nil }
            output.append(high << 4 | low)
        case UInt8(ascii: "+") where plusIsSpace: output.append(UInt8(ascii: " "))
        default: output.append(byte)
        }
    }
    return output
}

/// Two lowercase digits for each byte.
func hexadecimalText(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
        decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
        as: UTF8.self
    )
}

/// - Returns: `nil` unless `text` is an even number of hexadecimal digits.
func hexadecimalBytes(_ text: some StringProtocol) -> [UInt8]? {
    let digits = text.utf8.compactMap(hexadecimalDigit)
    guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// RFC 4648, section 6, of either case and without padding.
///
/// - Returns: `nil` for a character outside the alphabet, or bits left over that are not zero.
func base32Bytes(_ text: some StringProtocol) -> [UInt8]? {
    var output: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in text.utf8 {
        let digit: UInt8
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a")
        case UInt8(ascii: "2")...UInt8(ascii: "7"): digit = byte - UInt8(ascii: "2") + 26
        default: return nil
        }
        bits = (bits << 5 | UInt32(digit)) & 0xfff
        bitCount += 5
        if bitCount >= 8 {
            bitCount -= 8
            output.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        }
    }
    return bits & (1 << UInt32(bitCount) - 1) == 0 ? output : nil
}

private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// RFC 4648, section 4, with padding.
func base64(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var output: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
        bits = (bits << 8 | UInt32(byte)) & 0xffff
        bitCount += 8
        while bitCount >= 6 {
            bitCount -= 6
            output.append(digits[Int(bits >> UInt32(bitCount)) & 63])
        }
    }
    if bitCount > 0 { output.append(digits[Int(bits << UInt32(6 - bitCount)) & 63]) }
    while output.count % 4 != 0 { output.append(UInt8(ascii: "=")) }
    return String(decoding: output, as: UTF8.self)
}
