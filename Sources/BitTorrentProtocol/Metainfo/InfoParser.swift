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

    var isPrivate: Bool { info["private"]?.integer == 1 }

    /// What is described (BEP 52): v1, v2, or the same files by both.
    func version() throws(MetainfoError) -> TorrentInfo.Version {
        if let version = info["meta version"] {
            guard let number = version.integer else { throw .malformedMetaVersion }
            switch number {
            case 1: break
            case 2:
                let hasVersion1 =
                    info["pieces"] != nil || info["files"] != nil || info["length"] != nil
                return hasVersion1 ? .hybrid : .version2
            default: throw .unknownMetaVersion(number)
            }
        }
        guard info["file tree"] == nil else { throw .missingMetaVersion }
        return .version1
    }

    /// A power of two (BEP 52).
    func version2PieceLength() throws(MetainfoError) -> UInt32 {
        guard let pieceLength = info["piece length"]?.integer else { throw .missingPieceLength }
        guard limits.pieceLength.contains(pieceLength), pieceLength.nonzeroBitCount == 1,
            let checkedLength = UInt32(exactly: pieceLength), checkedLength >= Block.maximumLength
        else { throw .pieceLengthOutOfRange(pieceLength) }
        return checkedLength
    }

    /// `name` and `name.utf-8`, as far as they are there.
    var names: [[UInt8]] {
        ["name", "name.utf-8"].compactMap { info[$0]?.string.map { Array($0) } }
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
