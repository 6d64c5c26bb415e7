import Glibc
package import NIOCore

/// The bytes of one torrent on a file system that cannot punch holes: a directory with a file for
/// each piece, because a file that is removed gives its space back everywhere.
package final class PieceFiles: PieceStore {
    package let path: String
    private let pieceLength: UInt64

    /// Makes the directory where it does not exist.
    package init(path: String, pieceLength: UInt32) throws(StorageError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST || errno == EROFS else {
            throw StorageError(.makeDirectory, path, code: errno)
        }
        self.path = path
        self.pieceLength = UInt64(pieceLength)
    }

    /// Each file is opened when it is written.
    package var isReadOnly: Bool { false }

    package func readIfCached(_ range: Range<UInt64>, into buffer: inout ByteBuffer) -> Bool {
        false
    }

    package func read(_ range: Range<UInt64>) throws(StorageError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: range.count)
        for part in parts(of: range) {
            let file = try OpenFile(path: part.path)
            var position = part.start
            while position < part.end {
                let missing = Int(part.end - position)
                var code: CInt = 0
                let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) {
                    let result = pread(file.descriptor, $0.baseAddress, missing, off_t(position))
                    if result < 0 { code = errno }
                    return max(0, result)
                }
                if got == 0 && code != EINTR { throw StorageError(.read, part.path, code: code) }
                position += UInt64(got)
            }
        }
        return buffer
    }

    package func write(_ buffers: [ByteBuffer], at offset: UInt64) throws(StorageError) {
        let length = buffers.reduce(0) { $0 + UInt64($1.readableBytes) }
        var rest = buffers[...]
        for part in parts(of: offset..<offset + length) {
            // Buffers do not straddle pieces, but several pieces may come at once.
            var ofPart: [ByteBuffer] = []
            var missing = part.end - part.start
            while let first = rest.first, UInt64(first.readableBytes) <= missing {
                missing -= UInt64(first.readableBytes)
                ofPart.append(first)
                rest.removeFirst()
                if missing == 0 { break }
            }
            let file = try CacheFile(path: part.path, length: 0, isResized: false)
            try file.write(ofPart, at: part.start)
        }
    }

    package func free(_ range: Range<UInt64>) throws(StorageError) {
        for part in parts(of: range) {
            guard unlink(part.path) == 0 || errno == ENOENT else {
                throw StorageError(.remove, part.path, code: errno)
            }
        }
    }

    package func synchronize() throws(StorageError) {
        for name in Self.names(in: path) {
            let file = try CacheFile(path: "\(path)/\(name)", length: 0, isResized: false)
            try file.synchronize()
        }
    }

    package func heldBytes() throws(StorageError) -> UInt64 { Self.heldBytes(below: path) }

    /// Adds up the blocks of the files in a directory.
    static func heldBytes(below path: String) -> UInt64 {
        names(in: path).reduce(0) { total, name in
            var status = stat()
            guard stat("\(path)/\(name)", &status) == 0 else { return total }
            return total + UInt64(status.st_blocks) * 512
        }
    }

    /// Removes the directory and what is in it.
    static func removeAll(_ path: String) throws(StorageError) {
        for name in names(in: path) { unlink("\(path)/\(name)") }
        guard rmdir(path) == 0 || errno == ENOENT else {
            throw StorageError(.remove, path, code: errno)
        }
    }

    private static func names(in path: String) -> [String] {
        guard let listing = opendir(path) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// The files of a range, and where in them.
    private func parts(
        of range: Range<UInt64>
    ) -> [(path: String, start: UInt64, end: UInt64)] {
        guard !range.isEmpty else { return [] }
        let pieces = range.lowerBound / pieceLength...(range.upperBound - 1) / pieceLength
        return pieces.map { piece in
            let start = piece * pieceLength
            let inside = range.clamped(to: start..<start + pieceLength)
            return ("\(path)/\(piece)", inside.lowerBound - start, inside.upperBound - start)
        }
    }
}
