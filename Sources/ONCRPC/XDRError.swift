/// Why bytes are not the XDR that was expected.
///
/// Offsets count from the first byte decoded.
package enum XDRError: Error, Equatable {
    /// The bytes end before the value that begins at `offset` does.
    case truncated(offset: Int)
    /// The array or opaque at `offset` claims more elements than it may have.
    case tooLong(offset: Int, length: UInt32, limit: Int)
    /// The word at `offset` is no value of its enumeration, union or boolean.
    case invalidValue(offset: Int, value: UInt32)
    /// More bytes follow the value than the slack allows.
    case trailingBytes(count: Int)
}
