/// The name and password by which a proxy knows us.
package struct ProxyCredentials: Hashable, Sendable {
    package let user: String
    package let password: String

    /// - Returns: `nil` unless both have 1 to 255 bytes (RFC 1929) without control characters, and
    ///   the name no colon (RFC 7617).
    package init?(user: String, password: String) {
        guard
            [user, password].allSatisfy({ text in
                (1...255).contains(text.utf8.count)
                    && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
            }), !user.contains(":")
        else { return nil }
        self.user = user
        self.password = password
    }

    /// The value of `Proxy-Authorization` (RFC 7617).
    package var basicAuthorization: String { "Basic " + base64("\(user):\(password)".utf8) }
}
