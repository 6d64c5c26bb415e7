package import BitTorrentProtocol
import Cryptography
import Glibc

/// Hashes a file piece by piece, so that who waits for the same disk is never far from his turn.
///
/// - Throws: the error of the system call, or that the file was shorter than it should be.
package struct FileHashing: Sendable {
    private let file: OpenFile
    private let pieceLength: UInt32
    private let stamp: FileStamp
    private var position: UInt64 = 0
    /// Whole once `isComplete`.
    package private(set) var hashes: FileHashes

    /// - Parameter stamp: what the file must be from beginning to end.
    package init(
        path: String,
        stamp: FileStamp,
        pieceLength: UInt32
    ) throws(StorageError) {
        file = try OpenFile(path: path)
        self.stamp = stamp
        self.pieceLength = pieceLength
        hashes = FileHashes(length: stamp.size)
        posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    package var isComplete: Bool { position == stamp.size }

    /// Hashes the next piece; waits for the disk.
    ///
    /// - Throws: `StorageError.changed` if the file is not what it was said to be.
    package mutating func hashNextPiece() throws(StorageError) {
        let count = Int(min(UInt64(pieceLength), stamp.size - position))
        let bytes = try read(count, at: position)
        var hasher = SHA1Hasher()
        hasher.update(bytes)
        hashes.tailHash = hasher.finish()
        if count == Int(pieceLength) {
            hashes.pieceHashes += hashes.tailHash
        } else {
            hasher.update(bytes)
            hasher.update([UInt8](repeating: 0, count: Int(pieceLength) - count))
            hashes.pieceHashes += hasher.finish()
        }
        position += UInt64(count)
        // Also at the end of the last piece: then nothing changed while it was read.
        guard file.stamp == stamp else { throw .changed(file.path) }
    }

    private func read(_ count: Int, at start: UInt64) throws(StorageError) -> [UInt8] {
        var code: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let offset = off_t(start) + off_t(filled)
                let rest = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[filled..<count]
                )
                let got = pread(file.descriptor, rest.baseAddress, rest.count, offset)
                if got > 0 {
                    filled += got
                } else if got == 0 || errno != EINTR {
                    code = got == 0 ? ESTALE : errno
                    return
                }
            }
        }
        guard bytes.count == count else { throw StorageError(.read, file.path, code: code) }
        return bytes
    }
}
