/// What one client may do with one export, and how the export looks to it.
package struct ExportOptions: Equatable, Sendable {
    /// Which callers lose their identity.
    package enum Squash: Equatable, Sendable { case none, root, all }

    /// What a READ is told when nothing came within `stallTimeout`.
    package enum Stall: Equatable, Sendable {
        /// `NFS3ERR_JUKEBOX`: the client comes back by itself.
        case later
        /// Nothing: the READ is held until bytes come or the client goes. For players that take
        /// any error for the end of the film.
        case hold
    }

    /// `rw` was given.
    ///
    /// The tree takes no writes yet, so this changes nothing but a notice.
    package var writable = false
    package var squash = Squash.root
    package var anonymousUser: UInt32 = 65534
    package var anonymousGroup: UInt32 = 65534
    /// `secure`: calls must come from a port below 1024.
    ///
    /// Off by default, unlike the kernel's server: media players, macOS and Windows call from any
    /// port.
    package var requiresPrivilegedPort = false
    package var fsid: UInt64?
    /// `sec=sys`: calls with AUTH_SYS are served.
    package var allowsSys = true
    /// `sec=none`: calls without a credential are served too.
    package var allowsNone = false
    package var stall = Stall.later
    /// Zero holds for ever.
    package var stallTimeout = Duration.seconds(25)

    /// `uid=` and `gid=`: who is shown as the owner.
    package var owner: UInt32?
    package var group: UInt32?
    /// `mode=`: the permission bits of files; directories may be searched by whoever may read.
    package var mode: UInt16?

    package init() {}

    /// Owner shown for every file and directory: root, as a read-only medium has it, unless
    /// everybody is squashed, where the anonymous ids are the only ones the client knows.
    package var reportedUser: UInt32 { owner ?? (squash == .all ? anonymousUser : 0) }
    package var reportedGroup: UInt32 { group ?? (squash == .all ? anonymousGroup : 0) }

    /// - Parameter mode: that of the tree, which stands unless the export has its own.
    package func reportedMode(_ mode: UInt16, isDirectory: Bool) -> UInt16 {
        guard let own = self.mode else { return mode }
        return isDirectory ? own | (own & 0o444) >> 2 : own
    }
}

extension ExportOptions: CustomStringConvertible {
    /// The options as an exports file has them, all that matter and in one order.
    package var description: String {
        var words = [writable ? "rw" : "ro", requiresPrivilegedPort ? "secure" : "insecure"]
        switch squash {
        case .none: words.append("no_root_squash")
        case .root: words.append("root_squash")
        case .all: words += ["all_squash", "anonuid=\(anonymousUser)", "anongid=\(anonymousGroup)"]
        }
        let flavors = [(allowsSys, "sys"), (allowsNone, "none")].filter(\.0).map(\.1)
        words.append("sec=\(flavors.joined(separator: ":"))")
        if let owner { words.append("uid=\(owner)") }
        if let group { words.append("gid=\(group)") }
        if let mode { words.append("mode=0\(String(mode, radix: 8))") }
        words.append(
            stall == .hold ? "stall=hold" : "stall_timeout=\(stallTimeout.components.seconds)"
        )
        return words.joined(separator: ",")
    }
}
