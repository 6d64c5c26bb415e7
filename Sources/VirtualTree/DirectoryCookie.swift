import BitTorrentProtocol

/// The place of a route in the root, or of a torrent in its route, as READDIR names it (cookie3).
///
/// It is made of the identity of the entry, so that servers with the same routes give the same ones,
/// in whatever order they met their torrents: a listing goes on with another server, or with one whose
/// state was lost. It stays below 2^31, since some clients keep no more, and so two entries may have
/// the same first choice, one pair in a hundred thousand entries or so; then the ledger says whose it
/// is.
enum DirectoryCookie {
    /// 0, 1 and 2 mean the start, `.` and `..` to the exposures.
    static let first: UInt32 = 3
    private static let range = first..<1 << 31

    /// - Parameters:
    ///   - route: its number in ``FileID``.
    ///   - isTaken: says which are another entry's.
    static func ofRoute(_ route: UInt32, isTaken: (UInt32) -> Bool) -> UInt32 {
        choice(isTaken) { FileID(kind: .route, route: route, index: $0) }
    }

    static func ofTorrent(
        _ infoHash: InfoHash,
        in route: UInt32,
        isTaken: (UInt32) -> Bool
    ) -> UInt32 {
        choice(isTaken) {
            FileID(kind: .torrentDirectory, route: route, infoHash: infoHash, index: $0)
        }
    }

    private static func choice(
        _ isTaken: (UInt32) -> Bool,
        _ identity: (UInt32) -> FileID
    ) -> UInt32 {
        var attempt: UInt32 = 0
        while true {
            let cookie =
                range.lowerBound + UInt32(identity(attempt).fileid % UInt64(range.count))
            if !isTaken(cookie) { return cookie }
            attempt += 1
        }
    }
}
