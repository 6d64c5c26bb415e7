package import Bencode

/// Why the payload of an extended message is refused.
package enum ExtensionError: Error, Equatable, CustomStringConvertible {
    case notBencode(BencodeError)
    case notDictionary
    /// A value under this key that is missing or not of its kind.
    case malformed(key: String)
    /// A block of metadata that is longer than 16 KiB (BEP 9).
    case blockTooLong(byteCount: Int)

    package var description: String {
        switch self {
        case .notBencode(let error): "extended message is not bencode: \(error)"
        case .notDictionary: "extended message is not a dictionary"
        case .malformed(let key): "extended message has a malformed \"\(key)\""
        case .blockTooLong(let byteCount): "\(byteCount) bytes of metadata in one message"
        }
    }
}

extension ExtensionError {
    /// Decodes the dictionary at the front of a payload.
    ///
    /// The order of keys is not held against a peer: nothing here is hashed.
    static func dictionary(
        _ payload: [UInt8],
        limits: BencodeLimits,
        allowsTrailingBytes: Bool = false
    ) throws(ExtensionError) -> BencodeValue {
        let decoder = BencodeDecoder(
            limits: limits,
            keyOrder: .any,
            allowsTrailingBytes: allowsTrailingBytes
        )
        let value: BencodeValue
        do { value = try decoder.decode(payload) } catch { throw .notBencode(error) }
        guard value.kind == .dictionary else { throw .notDictionary }
        return value
    }
}
