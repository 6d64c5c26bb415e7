/// The options of exports(5), one after the other, applied to what stood before.
struct ExportOptionParser {
    private(set) var options: ExportOptions
    /// Options that mean something to other servers and nothing here.
    private(set) var ignored: [(name: String, position: ExportPosition)] = []
    /// `fsid=0`, which marks the root of an NFSv4 server.
    private(set) var rootFSID: ExportPosition?
    /// What the export shows in place of the directory at its path.
    private(set) var view: ExportView

    init(defaults: ExportOptions, view: ExportView = ExportView()) {
        options = defaults
        self.view = view
    }

    mutating func apply(_ word: ExportFileScanner.Word) throws(ExportSyntaxError) {
        let parts = word.text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        if parts.count == 2 {
            try apply(name, value: String(parts[1]), at: word.position)
        } else {
            try apply(name, at: word.position)
        }
    }

    private mutating func apply(
        _ name: String,
        at position: ExportPosition
    ) throws(ExportSyntaxError) {
        switch name {
        case "ro": options.writable = false
        case "rw": options.writable = true
        case "root_squash": options.squash = .root
        case "no_root_squash": options.squash = .none
        case "all_squash": options.squash = .all
        case "no_all_squash": if options.squash == .all { options.squash = .root }
        case "secure": options.requiresPrivilegedPort = true
        case "insecure": options.requiresPrivilegedPort = false
        case _ where Self.withoutMeaning.contains(name): ignored.append((name, position))
        case _ where Self.withValue.contains(name):
            throw ExportSyntaxError(
                position: position,
                message: "option \"\(name)\" needs a value: \(name)=..."
            )
        default: throw Self.unknown(name, at: position)
        }
    }

    private mutating func apply(
        _ name: String,
        value: String,
        at position: ExportPosition
    ) throws(ExportSyntaxError) {
        switch name {
        case "anonuid": options.anonymousUser = try Self.userID(name, value, at: position)
        case "anongid": options.anonymousGroup = try Self.userID(name, value, at: position)
        case "uid": options.owner = try Self.userID(name, value, at: position)
        case "gid": options.group = try Self.userID(name, value, at: position)
        case "mode":
            guard let mode = UInt16(value, radix: 8), mode <= 0o777 else {
                throw ExportSyntaxError(
                    position: position,
                    message: "mode= takes permission bits in octal, such as 0444"
                )
            }
            options.mode = mode
        case "route", "path": try view.apply(name, value: value, at: position)
        case "fsid": try applyFSID(value, at: position)
        case "sec": try applySecurity(value, at: position)
        case "stall":
            switch value {
            case "later": options.stall = .later
            case "hold": options.stall = .hold
            default:
                throw ExportSyntaxError(
                    position: position,
                    message: "stall= is \"later\" or \"hold\""
                )
            }
        case "stall_timeout":
            guard let seconds = Self.number(value), seconds <= 3600 else {
                throw ExportSyntaxError(
                    position: position,
                    message: "stall_timeout= takes seconds from 0 (hold for ever) to 3600"
                )
            }
            options.stallTimeout = .seconds(Int64(seconds))
        case _ where Self.withoutMeaning.contains(name): ignored.append((name, position))
        default: throw Self.unknown(name, at: position)
        }
    }

    private mutating func applyFSID(
        _ value: String,
        at position: ExportPosition
    ) throws(ExportSyntaxError) {
        if value == "root" || Self.number(value) == 0 {
            rootFSID = position
            return
        }
        if let number = Self.number(value) {
            options.fsid = number
            return
        }
        let digits = value.utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") }
        guard digits.count == 32,
            digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit })
        else {
            throw ExportSyntaxError(
                position: position,
                message: "fsid= takes a number or a UUID of 32 hex digits"
            )
        }
        options.fsid = max(StableHash.of(digits), 1)
    }

    private mutating func applySecurity(
        _ value: String,
        at position: ExportPosition
    ) throws(ExportSyntaxError) {
        var allowsSys = false
        var allowsNone = false
        for flavor in value.split(separator: ":", omittingEmptySubsequences: false) {
            switch flavor {
            case "sys": allowsSys = true
            case "none": allowsNone = true
            default:
                throw ExportSyntaxError(
                    position: position,
                    message: "security flavour \"\(flavor)\" is not served; use sec=sys, sec=none "
                        + "or sec=sys:none"
                )
            }
        }
        options.allowsSys = allowsSys
        options.allowsNone = allowsNone
    }

    private static func userID(
        _ name: String,
        _ value: String,
        at position: ExportPosition
    ) throws(ExportSyntaxError) -> UInt32 {
        // The largest value means "no id": Linux refuses whole replies that hold it.
        guard let id = number(value), id < UInt64(UInt32.max) else {
            throw ExportSyntaxError(
                position: position,
                message: "\(name)= takes a number from 0 to 4294967294"
            )
        }
        return UInt32(id)
    }

    private static func number(_ text: String) -> UInt64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
    }

    private static func unknown(_ name: String, at position: ExportPosition) -> ExportSyntaxError {
        ExportSyntaxError(
            position: position,
            message: "unknown option \"\(name)\"; remove it, or see exports.example for all options"
        )
    }

    private static let withValue: Set = [
        "anonuid", "anongid", "fsid", "gid", "mode", "path", "route", "sec", "stall",
        "stall_timeout", "uid",
    ]

    private static let withoutMeaning: Set = [
        "nohide", "hide", "crossmnt", "subtree_check", "no_subtree_check", "sync", "async",
        "wdelay", "no_wdelay", "acl", "no_acl", "mp", "mountpoint", "pnfs", "no_pnfs", "refer",
        "secure_locks", "insecure_locks", "auth_nlm", "no_auth_nlm", "archives", "noarchives",
    ]
}
