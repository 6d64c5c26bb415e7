/// Why bytes are not bencode (BEP 3), and at which byte from the start this became clear.
package struct BencodeError: Error, Equatable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// The bytes end inside a value.
        case truncated
        /// A byte that starts no value.
        case unexpectedByte(UInt8)
        /// `ie`, `i-0e`, `i03e`, or a character that is no digit.
        case malformedInteger
        /// An integer outside 64 bits.
        case integerOverflow
        /// A string length with a leading zero or a character that is no digit.
        case malformedLength
        /// A string that claims more bytes than remain.
        case stringTooLong
        /// A dictionary key that is not a string.
        case keyNotString
        /// A dictionary that ends after a key.
        case missingValue
        case unsortedKeys
        case duplicateKey
        case tooDeep
        case tooManyValues
        case inputTooLong
        /// Bytes after the end of the value.
        case trailingBytes
    }

    package let reason: Reason
    package let offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String {
        let what =
            switch reason {
            case .truncated: "ends inside a value"
            case .unexpectedByte(let byte): "byte \(byte) starts no value"
            case .malformedInteger: "malformed integer"
            case .integerOverflow: "integer does not fit 64 bits"
            case .malformedLength: "malformed string length"
            case .stringTooLong: "string is longer than what remains"
            case .keyNotString: "dictionary key is not a string"
            case .missingValue: "dictionary key without a value"
            case .unsortedKeys: "dictionary keys are not sorted"
            case .duplicateKey: "dictionary key appears twice"
            case .tooDeep: "nested too deeply"
            case .tooManyValues: "too many values"
            case .inputTooLong: "too long"
            case .trailingBytes: "bytes after the end"
            }
        return "\(what) (at byte \(offset))"
    }
}
