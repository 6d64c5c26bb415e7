import NFSProtocol
import ONCRPC

/// What the permission bits of an object let a caller do; nobody may write.
struct FilePermissions: OptionSet {
    let rawValue: UInt32

    static let read = Self(rawValue: 4)
    /// Of a directory: to look names up in it.
    static let execute = Self(rawValue: 1)

    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// - Parameter mode: of which the last three bits count.
    fileprivate init(mode: UInt32) { self.init(rawValue: mode & 5) }
}

extension Caller.Access {
    func permits(
        _ wanted: FilePermissions,
        on attributes: NFS3FileAttributes,
        of credential: Credential
    ) -> Bool {
        permissions(on: attributes, of: credential).isSuperset(of: wanted)
    }

    /// By the class that the caller is in: owner, group or others.
    func permissions(
        on attributes: NFS3FileAttributes,
        of credential: Credential
    ) -> FilePermissions {
        let mode = attributes.mode
        let (everybody, anybody) = (mode & mode >> 3 & mode >> 6, mode | mode >> 3 | mode >> 6)
        // As a rule all may do the same, and nobody needs to be told apart.
        if everybody & 4 != 0, everybody & 1 == anybody & 1 { return .init(mode: everybody) }
        guard let user = user(of: credential) else {
            return .init(mode: attributes.type == .directory ? 5 : 4 | anybody)
        }
        if user.id == attributes.uid { return .init(mode: mode >> 6) }
        return .init(mode: user.groups.contains(attributes.gid) ? mode >> 3 : mode)
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
