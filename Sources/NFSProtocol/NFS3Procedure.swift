/// The procedures of program 100003, version 3 (RFC 1813 section 3.3).
package enum NFS3Procedure: UInt32, CaseIterable, Sendable {
    case null = 0  // NFSPROC3_NULL
    case getAttributes = 1  // NFSPROC3_GETATTR
    case setAttributes = 2  // NFSPROC3_SETATTR
    case lookup = 3  // NFSPROC3_LOOKUP
    case access = 4  // NFSPROC3_ACCESS
    case readLink = 5  // NFSPROC3_READLINK
    case read = 6  // NFSPROC3_READ
    case write = 7  // NFSPROC3_WRITE
    case create = 8  // NFSPROC3_CREATE
    case makeDirectory = 9  // NFSPROC3_MKDIR
    case symbolicLink = 10  // NFSPROC3_SYMLINK
    case makeNode = 11  // NFSPROC3_MKNOD
    case remove = 12  // NFSPROC3_REMOVE
    case removeDirectory = 13  // NFSPROC3_RMDIR
    case rename = 14  // NFSPROC3_RENAME
    case link = 15  // NFSPROC3_LINK
    case readDirectory = 16  // NFSPROC3_READDIR
    case readDirectoryPlus = 17  // NFSPROC3_READDIRPLUS
    case fileSystemStatus = 18  // NFSPROC3_FSSTAT
    case fileSystemInfo = 19  // NFSPROC3_FSINFO
    case pathConfiguration = 20  // NFSPROC3_PATHCONF
    case commit = 21  // NFSPROC3_COMMIT
}
