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

    package init() {}

    /// Owner shown for every file and directory: root, as a read-only medium has it, unless
    /// everybody is squashed, where the anonymous ids are the only ones the client knows.
    package var reportedUser: UInt32 { squash == .all ? anonymousUser : 0 }
    package var reportedGroup: UInt32 { squash == .all ? anonymousGroup : 0 }
}
