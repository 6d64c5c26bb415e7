import NFSProtocol
import NIOCore
import ONCRPC
import VirtualTree

// FSSTAT, FSINFO, PATHCONF and COMMIT (RFC 1813 sections 3.3.18 to 3.3.21).

extension NFS3Program.Exchange {
    mutating func fileSystemStatus() {
        perform(FSSTAT3Arguments.self, unknown: nil) {
            (exchange, arguments) throws(NFS3Program.Failure) -> FSSTAT3Result in
            let target = try exchange.target(arguments.root)
            let usage = exchange.service.tree.usage
            return .success(
                FSSTAT3Success(
                    attributes: target.attributes,
                    totalBytes: min(usage.totalBytes, UInt64(Int64.max)),
                    freeBytes: 0,
                    availableBytes: 0,
                    totalFiles: usage.fileCount,
                    freeFiles: 0,
                    availableFiles: 0,
                    invariantSeconds: 0
                )
            )
        }
    }

    mutating func fileSystemInfo() {
        perform(FSINFO3Arguments.self, unknown: nil) {
            (exchange, arguments) throws(NFS3Program.Failure) -> FSINFO3Result in
            let target = try exchange.target(arguments.root)
            let read = UInt32(exchange.service.limits.readByteCount)
            return .success(
                FSINFO3Success(
                    attributes: target.attributes,
                    maximumRead: read,
                    preferredRead: read,
                    readMultiple: 4096,
                    // Nothing is written, but libnfs refuses to mount what takes less than 8192. A
                    // WRITE of so much is a record that is read, so that it gets its refusal.
                    maximumWrite: 32 * 1024,
                    preferredWrite: 32 * 1024,
                    writeMultiple: 4096,
                    preferredReadDirectory: 64 * 1024,
                    maximumFileSize: UInt64(Int64.max),
                    timeGranularity: NFS3Time(seconds: 0, nanoseconds: 1),
                    properties: .homogeneous
                )
            )
        }
    }

    mutating func pathConfiguration() {
        perform(PATHCONF3Arguments.self, unknown: nil) {
            (exchange, arguments) throws(NFS3Program.Failure) -> PATHCONF3Result in
            .success(
                PATHCONF3Success(
                    attributes: try exchange.target(arguments.object).attributes,
                    maximumLinks: 1,
                    maximumName: 255,
                    refusesLongNames: true,
                    restrictsOwnerChange: true,
                    isCaseInsensitive: false,
                    isCasePreserving: true
                )
            )
        }
    }

    /// Succeeds on files: old libnfs commits what it only read, and Kodi's log fills if it may not.
    mutating func commit() {
        perform(COMMIT3Arguments.self, unknown: NFS3WeakCacheData()) {
            (exchange, arguments) throws(NFS3Program.Failure) -> COMMIT3Result in
            let target = try exchange.target(arguments.file)
            guard case .file = target.node else {
                return .failure(.invalidArgument, target.unchanged)
            }
            return .success(
                COMMIT3Success(
                    fileChange: target.unchanged,
                    verifier: exchange.service.writeVerifier
                )
            )
        }
    }
}
