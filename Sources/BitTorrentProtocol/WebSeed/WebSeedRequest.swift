/// A request to a web seed, for a part of what one URL names.
package struct WebSeedRequest: Equatable, Sendable {
    package let url: String
    /// The bytes to ask for with `Range`, out of `resourceLength`; `nil` if the URL says it all.
    package let range: Range<UInt64>?
    /// Bytes of the whole file; `nil` if the URL names no file.
    package let resourceLength: UInt64?
    /// The bytes of the torrent that the answer is.
    package let content: Range<UInt64>

    /// The bytes of the torrent that no request will get if this one can have no answer.
    package let resource: Range<UInt64>

    package init(
        url: String,
        range: Range<UInt64>?,
        resourceLength: UInt64?,
        content: Range<UInt64>,
        resource: Range<UInt64>
    ) {
        self.url = url
        self.range = range
        self.resourceLength = resourceLength
        self.content = content
        self.resource = resource
    }
}

/// A part of a range of a torrent's bytes, as a web seed gives it.
package enum WebSeedPart: Equatable, Sendable {
    case request(WebSeedRequest)
    /// So many bytes of padding, which no server has.
    case zeros(Int)
    /// So many bytes of a file whose name cannot stand in a URL; `resource` is the whole file.
    case unnamable(Int, resource: Range<UInt64>)
}

extension WebSeed {
    /// What to ask for, in order, to have all bytes of a range of the torrent.
    ///
    /// Whatever belongs to no file, such as the space between files of BEP 52, is zeros.
    package func parts(
        of range: Range<UInt64>,
        info: TorrentInfo,
        infoHash: InfoHash
    ) -> [WebSeedPart] {
        switch style {
        case .getRight:
            return info.stretches(in: range).map { stretch in
                switch stretch {
                case .zeros(let zeros): .zeros(zeros.count)
                case .file(let number, let bytes): fileRequest(bytes, of: number, info: info)
                }
            }
        case .hoffman:
            return info.stretches(in: range).flatMap { stretch -> [WebSeedPart] in
                switch stretch {
                case .zeros(let zeros): [.zeros(zeros.count)]
                case .file(_, let bytes):
                    pieceRequests(bytes, geometry: info.geometry, infoHash: infoHash)
                }
            }
        }
    }

    /// BEP 19: a URL that ends with a slash, and that of a torrent of many files, names a directory.
    private func fileRequest(
        _ bytes: Range<UInt64>,
        of number: Int,
        info: TorrentInfo
    ) -> WebSeedPart {
        let file = info.files[number]
        let resource = file.offset..<file.offset + file.length
        let components = [info.name] + file.path
        // A server would take these for other directories.
        guard components.allSatisfy({ !$0.isEmpty && $0 != [0x2e] && $0 != [0x2e, 0x2e] }) else {
            return .unnamable(bytes.count, resource: resource)
        }
        let path = components.map { percentEncoded($0) }.joined(separator: "/")
        let location =
            switch (url.hasSuffix("/"), info.isSingleFile) {
            case (false, true): url
            case (true, _): url + path
            case (false, false): url + "/" + path
            }
        return .request(
            WebSeedRequest(
                url: location,
                range: bytes.lowerBound - file.offset..<bytes.upperBound - file.offset,
                resourceLength: file.length,
                content: bytes,
                resource: resource
            )
        )
    }

    /// BEP 17: one request for each piece.
    private func pieceRequests(
        _ bytes: Range<UInt64>,
        geometry: PieceGeometry,
        infoHash: InfoHash
    ) -> [WebSeedPart] {
        geometry.pieces(covering: bytes).map { number in
            let piece = geometry.range(of: PieceIndex(number))
            let content = bytes.clamped(to: piece)
            let first = content.lowerBound - piece.lowerBound
            let last = content.upperBound - piece.lowerBound - 1
            let separator = url.contains("?") ? "&" : "?"
            let query =
                "info_hash=\(percentEncoded(infoHash.bytes))&piece=\(number)&ranges=\(first)-\(last)"
            return .request(
                WebSeedRequest(
                    url: url + separator + query,
                    range: nil,
                    resourceLength: nil,
                    content: content,
                    resource: piece
                )
            )
        }
    }
}

extension TorrentInfo {
    fileprivate enum Stretch {
        case file(Int, Range<UInt64>)
        case zeros(Range<UInt64>)
    }

    /// The range cut where files begin and end; stretches of zeros that touch are one.
    fileprivate func stretches(in range: Range<UInt64>) -> [Stretch] {
        var result: [Stretch] = []
        var position = range.lowerBound
        func addZeros(to end: UInt64) {
            guard position < end else { return }
            var start = position
            if case .zeros(let before) = result.last {
                start = before.lowerBound
                result.removeLast()
            }
            result.append(.zeros(start..<end))
            position = end
        }
        for number in firstFile(endingAfter: position)..<files.count {
            let file = files[number]
            guard file.offset < range.upperBound else { break }
            guard file.length > 0 else { continue }
            addZeros(to: file.offset)
            let end = min(file.offset + file.length, range.upperBound)
            if file.attributes.contains(.padding) {
                addZeros(to: end)
            } else if position < end {
                result.append(.file(number, position..<end))
                position = end
            }
        }
        addZeros(to: range.upperBound)
        return result
    }

    private func firstFile(endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = files.count
        while low < high {
            let middle = (low + high) / 2
            if files[middle].offset + files[middle].length <= offset {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
