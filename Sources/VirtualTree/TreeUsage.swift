/// How much the tree shows and how much of it is cached.
package struct TreeUsage: Equatable, Sendable {
    package let totalBytes: UInt64
    package let cachedBytes: UInt64
    package let fileCount: UInt64

    package init(totalBytes: UInt64, cachedBytes: UInt64, fileCount: UInt64) {
        self.totalBytes = totalBytes
        self.cachedBytes = cachedBytes
        self.fileCount = fileCount
    }
}
