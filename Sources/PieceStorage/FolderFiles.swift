import Glibc
package import NIOCore
import Synchronization

/// The bytes of a torrent that was made of a folder: read from the user's files where they are.
///
/// A file that is not any more what it was when it was hashed is not read: its bytes could be
/// others than the torrent says. Nothing is ever written.
package final class FolderFiles: PieceSource {
    package struct File: Hashable, Sendable {
        /// Below the folder, with slashes.
        package let path: String
        /// Of its first byte in the torrent.
        package let offset: UInt64
        package let length: UInt64
        /// With which it was hashed; `nil` if its hashes are not those of the torrent.
        package let stamp: FileStamp?

        package init(path: String, offset: UInt64, length: UInt64, stamp: FileStamp?) {
            self.path = path
            self.offset = offset
            self.length = length
            self.stamp = stamp
        }

        var range: Range<UInt64> { offset..<offset + length }
    }

    /// The folder.
    package let path: String
    private let openFiles: OpenFiles
    private let files: Mutex<[File]>

    /// - Parameter files: what lies between them in the torrent is padding, and reads as zeros.
    package init(path: String, files: [File], openFiles: OpenFiles) {
        self.path = path
        self.openFiles = openFiles
        self.files = Mutex(Self.sorted(files))
    }

    /// The same torrent as from now on the files on the disk make it.
    package func replace(_ files: [File]) {
        let sorted = Self.sorted(files)
        self.files.withLock { $0 = sorted }
    }

    private static func sorted(_ files: [File]) -> [File] {
        files.filter { $0.length > 0 }.sorted { $0.offset < $1.offset }
    }

    // MARK: Reading

    package func readIfCached(_ range: Range<UInt64>, into buffer: inout ByteBuffer) -> Bool {
        let parts = parts(of: range)
        // Bytes of several files are rare and may wait for a thread.
        guard parts.count == 1, let part = parts.first, part.range == range,
            let file = openFiles.openFile(fullPath(part.file))
        else { return false }
        let count = range.count
        let taken = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            let held = file.readIfCached(
                UnsafeMutableRawBufferPointer(rebasing: space[..<count]),
                at: range.lowerBound - part.file.offset
            )
            return held == count && isUnchanged(part.file, file) ? count : 0
        }
        return taken == count
    }

    package func read(_ range: Range<UInt64>) throws(StorageError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: range.count)
        var position = range.lowerBound
        for part in parts(of: range) {
            buffer.writeRepeatingByte(0, count: Int(part.range.lowerBound - position))
            try append(part.range, of: part.file, to: &buffer)
            position = part.range.upperBound
        }
        buffer.writeRepeatingByte(0, count: Int(range.upperBound - position))
        return buffer
    }

    private func append(
        _ range: Range<UInt64>,
        of file: File,
        to buffer: inout ByteBuffer
    ) throws(StorageError) {
        let path = fullPath(file)
        var open = try openFiles.file(path)
        if !isUnchanged(file, open) {
            // What is open may be what stood at the path before.
            openFiles.forget(path)
            open = try openFiles.file(path)
            guard isUnchanged(file, open) else { throw StorageError.changed(path) }
        }
        var position = range.lowerBound
        while position < range.upperBound {
            let missing = Int(range.upperBound - position)
            let offset = off_t(position - file.offset)
            var code: CInt = 0
            let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { space in
                let result = pread(open.descriptor, space.baseAddress, missing, offset)
                if result < 0 { code = errno }
                return max(0, result)
            }
            if got == 0 && code == 0 { break }
            if got == 0 && code != EINTR { throw StorageError(.read, path, code: code) }
            position += UInt64(got)
        }
        // After the read: the kernel notes the time of a change before it changes a byte.
        guard position == range.upperBound, isUnchanged(file, open) else {
            openFiles.forget(path)
            throw StorageError.changed(path)
        }
    }

    private func isUnchanged(_ file: File, _ open: OpenFile) -> Bool {
        file.stamp != nil && open.stamp == file.stamp
    }

    private func fullPath(_ file: File) -> String { "\(path)/\(file.path)" }

    /// The parts of `range` that lie in files, in order.
    private func parts(of range: Range<UInt64>) -> [(file: File, range: Range<UInt64>)] {
        files.withLock { files in
            // The first file that ends behind the start of the range.
            var (low, high) = (0, files.count)
            while low < high {
                let middle = (low + high) / 2
                if files[middle].range.upperBound > range.lowerBound {
                    high = middle
                } else {
                    low = middle + 1
                }
            }
            return files[low...].prefix { $0.offset < range.upperBound }
                .map { ($0, $0.range.clamped(to: range)) }
        }
    }
}
