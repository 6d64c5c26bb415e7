extension MetainfoBuilder {
    /// A file that begins a piece.
    package struct AlignedFile: Sendable {
        /// Components below the torrent's name.
        package var path: [String]
        package var hashes: FileHashes

        package init(path: [String], hashes: FileHashes) {
            self.path = path
            self.hashes = hashes
        }
    }

    /// A torrent of several files, each of which begins a piece: padding stands between them
    /// (BEP 47).
    ///
    /// - Parameter alignedFiles: hashed in pieces of this length, at least one of them not empty.
    package init(name: String, alignedFiles: [AlignedFile], pieceLength: UInt32) {
        var files: [File] = []
        var hashes: [UInt8] = []
        let last = alignedFiles.lastIndex { $0.hashes.length > 0 }
        for (index, file) in alignedFiles.enumerated() {
            let length = file.hashes.length
            files.append(File(path: file.path, length: length))
            hashes += file.hashes.pieceHashes
            guard index != last else {
                // Nothing fills the last piece up.
                hashes.replaceSubrange(hashes.count - 20..<hashes.count, with: file.hashes.tailHash)
                continue
            }
            let surplus = length % UInt64(pieceLength)
            if surplus > 0 { files.append(.padding(UInt64(pieceLength) - surplus)) }
        }
        self.init(name: name, files: files, pieceLength: pieceLength, pieceHashes: hashes)
    }
}

extension MetainfoBuilder.File {
    /// Zeros that no program shows or, if it knows of them, asks for.
    package static func padding(_ length: UInt64) -> Self {
        Self(path: [".pad", "\(length)"], length: length, attributes: "p")
    }
}
