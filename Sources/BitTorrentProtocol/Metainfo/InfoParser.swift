import Bencode

/// Checks an info dictionary (BEP 3, BEP 47, BEP 52), one subject in each function.
struct InfoParser {
    struct Layout {
        let isSingleFile: Bool
        let files: [TorrentInfo.File]
        let totalLength: UInt64
    }

    let info: BencodeValue
    let limits: MetainfoLimits

    /// A torrent is v1, or v2 (BEP 52), or both; its v1 part is enough.
    func checkVersion() throws(MetainfoError) {
        let hasVersion1 = info["pieces"] != nil
        let hasVersion2 = info["file tree"] != nil || (info["meta version"]?.integer ?? 1) > 1
        guard hasVersion1 || !hasVersion2 else { throw .version2Only }
    }

    /// The name may be empty or unsafe to show; it must be there.
    func name() throws(MetainfoError) -> [UInt8] {
        if let name = info["name.utf-8"], let bytes = name.string, name.text != nil, !bytes.isEmpty
        {
            return Array(bytes)
        }
        guard let bytes = info["name"]?.string else { throw .missingName }
        return Array(bytes)
    }

    func geometry(totalLength: UInt64) throws(MetainfoError) -> PieceGeometry {
        guard let pieceLength = info["piece length"]?.integer else { throw .missingPieceLength }
        guard limits.pieceLength.contains(pieceLength),
            let checkedLength = UInt32(exactly: pieceLength), checkedLength > 0
        else { throw .pieceLengthOutOfRange(pieceLength) }
        // Not the geometry's own count: a total of 2^48 needs 64 bits until it is bounded here.
        let pieceCount = Int64((totalLength - 1) / UInt64(checkedLength) + 1)
        guard pieceCount <= limits.pieceCount else { throw .tooManyPieces(pieceCount) }
        return PieceGeometry(pieceLength: checkedLength, totalLength: totalLength)
    }

    func pieceHashes(for geometry: PieceGeometry) throws(MetainfoError) -> [UInt8] {
        guard let hashes = info["pieces"]?.string else { throw .missingPieces }
        guard hashes.count == geometry.pieceCount * InfoHash.byteCount else {
            throw .wrongPieceCount(
                hashByteCount: hashes.count,
                expectedPieceCount: Int64(geometry.pieceCount)
            )
        }
        return Array(hashes)
    }

    /// - Returns: at least one file, with a total above zero.
    func files() throws(MetainfoError) -> Layout {
        let layout: Layout
        switch (info["length"], info["files"]) {
        case (.some, .some): throw .bothLengthAndFiles
        case (nil, nil): throw .missingFiles
        case (.some, nil): layout = try singleFile()
        case (nil, let files?):
            guard let list = files.list, !list.isEmpty else { throw .missingFiles }
            layout = try manyFiles(list)
        }
        guard layout.totalLength > 0 else { throw .noContent }
        return layout
    }

    private func singleFile() throws(MetainfoError) -> Layout {
        guard let length = info["length"]?.integer, length >= 0 else {
            throw .malformedLength(file: 0)
        }
        guard length <= limits.totalLength else { throw .totalTooLong }
        // The file itself cannot be padding or a link: there would be nothing to pad or to point at.
        let attributes = FileEntry.attributes(info).intersection([.executable, .hidden])
        let file = TorrentInfo.File(
            path: [],
            length: UInt64(length),
            offset: 0,
            attributes: attributes
        )
        return Layout(isSingleFile: true, files: [file], totalLength: UInt64(length))
    }

    private func manyFiles(_ list: BencodeValue.Elements) throws(MetainfoError) -> Layout {
        var files: [TorrentInfo.File] = []
        var paths: Set<[[UInt8]]> = []
        var duplicates = 0
        var offset: Int64 = 0
        // No file takes fewer than 20 bytes: a list of something else must not claim memory.
        let count = min(list.reduce(0) { count, _ in count + 1 }, info.range.count / 20)
        files.reserveCapacity(count)
        paths.reserveCapacity(count)
        for (number, value) in list.enumerated() {
            let entry = try FileEntry(value, number: number, pathDepth: limits.pathDepth)
            guard entry.length <= limits.totalLength - offset else { throw .totalTooLong }
            // Padding often has one path for all; it is not listed, so nothing collides.
            if !entry.attributes.contains(.padding), !paths.insert(entry.path).inserted {
                duplicates += 1
                guard duplicates <= limits.duplicatePathCount else { throw .tooManyDuplicatePaths }
            }
            files.append(
                TorrentInfo.File(
                    path: entry.path,
                    length: UInt64(entry.length),
                    offset: UInt64(offset),
                    attributes: entry.attributes,
                    symlinkTarget: entry.symlinkTarget
                )
            )
            offset += entry.length
        }
        return Layout(isSingleFile: false, files: files, totalLength: UInt64(offset))
    }
}
