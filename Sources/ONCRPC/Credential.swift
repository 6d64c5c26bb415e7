/// Who calls, as the call says (RFC 5531 section 8.2).
///
/// Other flavors are rejected on decoding.
package enum Credential: Equatable, Sendable {
    case none  // AUTH_NONE
    case sys(AuthSys)  // AUTH_SYS
}

/// AUTH_SYS: what the client's kernel says of the calling process (RFC 5531 appendix A).
package struct AuthSys: Equatable, Sendable {
    /// At most 16 supplementary groups.
    package static let groupLimit = 16
    private static let machineNameByteLimit = 255

    /// At most 255 bytes; for logs, since nothing vouches for it.
    package let machineName: String
    package let uid: UInt32
    package let gid: UInt32
    package let groups: [UInt32]

    /// - Parameters:
    ///   - machineName: Shortened to 255 bytes, between characters.
    ///   - groups: The first 16 count.
    package init(machineName: String, uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        var name = machineName
        while name.utf8.count > Self.machineNameByteLimit { name.removeLast() }
        self.machineName = name
        self.uid = uid
        self.gid = gid
        self.groups =
            groups.count <= Self.groupLimit ? groups : Array(groups.prefix(Self.groupLimit))
    }
}

/// auth_flavor (RFC 5531 section 8.2), as far as this server names them.
package enum AuthFlavor {
    package static let none: UInt32 = 0  // AUTH_NONE
    package static let sys: UInt32 = 1  // AUTH_SYS
}

/// auth_stat: why a credential was not accepted (RFC 5531 section 9).
package enum AuthStatus: UInt32, Equatable, Sendable {
    case badCredential = 1  // AUTH_BADCRED
    case rejectedCredential = 2  // AUTH_REJECTEDCRED
    case badVerifier = 3  // AUTH_BADVERF
    case rejectedVerifier = 4  // AUTH_REJECTEDVERF
    case tooWeak = 5  // AUTH_TOOWEAK
    case invalidResponse = 6  // AUTH_INVALIDRESP
    case failed = 7  // AUTH_FAILED
}
