/// How the bytes after an encrypted handshake travel (`crypto_provide`, `crypto_select`).
package struct EncryptionMethods: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// As they are; only the handshake was hidden.
    package static let plaintext = Self(rawValue: 1)
    package static let rc4 = Self(rawValue: 2)

    /// The method for two sides: the one that costs less, if both accept it.
    ///
    /// - Returns: `nil` if they have none in common.
    func choice(with other: Self) -> Self? {
        let common = intersection(other)
        if common.contains(.plaintext) { return .plaintext }
        return common.contains(.rc4) ? .rc4 : nil
    }
}
