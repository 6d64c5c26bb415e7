import NFSProtocol
import ONCRPC

/// What the permission bits of an object let a caller do; nobody may write.
struct FilePermissions: OptionSet {
    let rawValue: UInt32

    static let read = Self(rawValue: 4)
    /// Of a directory: to look names up in it.
    static let execute = Self(rawValue: 1)
}

extension Caller.Access {
    func permits(
        _ wanted: FilePermissions,
        on attributes: NFS3FileAttributes,
        of credential: Credential
    ) -> Bool {
        let mode = attributes.mode
        // As a rule everybody may, and nobody needs to be told apart.
        let everybody = FilePermissions(rawValue: mode & mode >> 3 & mode >> 6)
        return everybody.isSuperset(of: wanted)
            || permissions(on: attributes, of: credential).isSuperset(of: wanted)
    }

    /// By the class that the caller is in: owner, group or others.
    func permissions(
        on attributes: NFS3FileAttributes,
        of credential: Credential
    ) -> FilePermissions {
        guard let user = user(of: credential) else {
            let isExecutable = attributes.type == .directory || attributes.mode & 0o111 != 0
            return isExecutable ? [.read, .execute] : .read
        }
        let shift =
            user.id == attributes.uid ? 6 : user.groups.contains(attributes.gid) ? 3 : 0
        return FilePermissions(rawValue: attributes.mode >> shift)
            .intersection([.read, .execute])
    }

    /// For whom a call counts once it is squashed; `nil` for root, whom no permission stops.
    private func user(of credential: Credential) -> (id: UInt32, groups: [UInt32])? {
        let anonymous = (options.anonymousUser, [options.anonymousGroup])
        guard case .sys(let caller) = credential, options.squash != .all else { return anonymous }
        let groups = [caller.gid] + caller.groups
        if options.squash == .none { return caller.uid == 0 ? nil : (caller.uid, groups) }
        if caller.uid == 0 { return anonymous }
        return (caller.uid, groups.map { $0 == 0 ? options.anonymousGroup : $0 })
    }
}
