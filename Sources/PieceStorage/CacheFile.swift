import CLinux
import Glibc
package import NIOCore

/// The bytes of one torrent on disk: a sparse file with every piece at its natural offset.
///
/// Any thread may read and write at once: all I/O is positioned. Which of the bytes mean anything
/// is for the caller to know; what was never written reads as zeros.
package final class CacheFile: PieceStore {
    package let path: String
    /// Bytes of the torrent; the file has this size from the start and takes space only as it is
    /// written.
    package let length: UInt64
    package let isReadOnly: Bool
    private let descriptor: CInt
    /// On tmpfs, which has no reads that refuse to wait, because none of its reads waits for a disk.
    private let isInMemory: Bool

    /// Opens the file, which is made if it does not exist; on a file system that cannot be written,
    /// for reading alone.
    package convenience init(path: String, length: UInt64) throws(StorageError) {
        try self.init(path: path, length: length, isResized: true)
    }

    /// - Parameter isResized: gets its length at once; else it grows as it is written.
    init(path: String, length: UInt64, isResized: Bool) throws(StorageError) {
        var descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        let isReadOnly = descriptor < 0 && errno == EROFS
        if isReadOnly {
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            // There is no such file, and none can be made.
            if descriptor < 0, errno == ENOENT { errno = EROFS }
        }
        guard descriptor >= 0 else { throw StorageError(.open, path, code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw StorageError(.inspect, path, code: code)
        }
        if isResized, UInt64(status.st_size) != length, ftruncate(descriptor, off_t(length)) != 0 {
            let code = errno
            close(descriptor)
            throw StorageError(.resize, path, code: code)
        }
        self.path = path
        self.length = length
        self.isReadOnly = isReadOnly
        self.descriptor = descriptor
        isInMemory = linux_is_memory_file(descriptor) != 0
    }

    deinit { close(descriptor) }

    /// Takes what the page cache holds, if that is all.
    package func readIfCached(_ range: Range<UInt64>, into buffer: inout ByteBuffer) -> Bool {
        let count = Int(range.upperBound - range.lowerBound)
        let offset = off_t(range.lowerBound)
        let taken = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            let held =
                isInMemory
                ? pread(descriptor, space.baseAddress, count, offset)
                : linux_read_nowait(descriptor, space.baseAddress, count, Int64(offset))
            return held == count ? count : 0
        }
        return taken == count
    }

    /// Reads `range`; may wait for the disk, so it is not for an event loop.
    package func read(_ range: Range<UInt64>) throws(StorageError) -> ByteBuffer {
        let count = Int(range.upperBound - range.lowerBound)
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        while buffer.readableBytes < count {
            let missing = count - buffer.readableBytes
            let offset = off_t(range.lowerBound) + off_t(buffer.readableBytes)
            var code: CInt = 0
            let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { space in
                let result = pread(descriptor, space.baseAddress, missing, offset)
                if result < 0 { code = errno }
                return max(0, result)
            }
            if got == 0 && code != EINTR { throw StorageError(.read, path, code: code) }
        }
        return buffer
    }

    /// Writes the buffers one behind the other from `offset` on, without joining them first.
    package func write(_ buffers: [ByteBuffer], at offset: UInt64) throws(StorageError) {
        if isReadOnly { throw StorageError(.write, path, code: EROFS) }
        // The storage of a buffer stands still while the buffer lives, and `buffers` outlives the
        // calls.
        var vectors = buffers.map { buffer in
            buffer.withUnsafeReadableBytesWithStorageManagement { bytes, _ in
                iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                    iov_len: bytes.count
                )
            }
        }
        let failure = withExtendedLifetime(buffers) {
            vectors.withUnsafeMutableBufferPointer { writeAll($0, at: off_t(offset)) }
        }
        if let failure { throw StorageError(.write, path, code: failure) }
    }

    /// Gives the whole blocks within `range` back to the file system; what of it is left in other
    /// blocks keeps its bytes.
    package func free(_ range: Range<UInt64>) throws(StorageError) {
        if isReadOnly { throw StorageError(.punchHole, path, code: EROFS) }
        let block = Self.blockLength
        let start = (range.lowerBound + block - 1) / block * block
        // The last block of the file is its own up to the end.
        let end = range.upperBound >= length ? range.upperBound : range.upperBound / block * block
        guard start < end else { return }
        guard linux_punch_hole(descriptor, Int64(start), Int64(end - start)) == 0 else {
            throw StorageError(.punchHole, path, code: errno)
        }
    }

    package func synchronize() throws(StorageError) {
        guard fdatasync(descriptor) == 0 else {
            throw StorageError(.synchronize, path, code: errno)
        }
    }

    /// What file systems give and take at a time; on those with larger blocks less is freed.
    package static let blockLength: UInt64 = 4096

    /// Bytes that the file takes on the disk.
    package func heldBytes() throws(StorageError) -> UInt64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw StorageError(.inspect, path, code: errno)
        }
        return UInt64(status.st_blocks) * 512
    }

    /// - Returns: `nil`, or the errno of the failure.
    private func writeAll(
        _ vectors: UnsafeMutableBufferPointer<iovec>,
        at start: off_t
    ) -> CInt? {
        var position = start
        var next = 0
        while next < vectors.count {
            let batch = UnsafeMutableBufferPointer(
                rebasing: vectors[next..<min(next + 1024, vectors.count)]
            )  // IOV_MAX
            var written = pwritev(descriptor, batch.baseAddress, CInt(batch.count), position)
            if written < 0 {
                if errno == EINTR { continue }
                return errno
            }
            position += off_t(written)
            while next < vectors.count, written >= vectors[next].iov_len {
                written -= vectors[next].iov_len
                next += 1
            }
            if written > 0 {
                vectors[next].iov_base += written
                vectors[next].iov_len -= written
            }
        }
        return nil
    }
}
