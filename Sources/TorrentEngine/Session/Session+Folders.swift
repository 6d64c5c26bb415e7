import BitTorrentProtocol

extension Session {
    /// Seeds a torrent that was made of the user's files, which stay where they are.
    ///
    /// It is not registered: who made it makes it again.
    ///
    /// - Throws: `SessionError.isFetched` if a route has the same torrent to fetch.
    func serve(
        _ metainfo: Metainfo,
        from content: FolderContent,
        addedTime: Int64
    ) async throws {
        let torrent = RegisteredTorrent(
            infoHash: metainfo.infoHash,
            version2Hash: metainfo.version2Hash,
            addedTime: addedTime,
            creationDate: addedTime,
            traits: [.holdsPieces, .isComplete, .seeds],
            activation: activation,
            folder: content
        )
        guard try insert(torrent) else { throw SessionError.isFetched(metainfo.infoHash) }
        for name in metainfo.swarmHashes.all { await forgetFetch(of: name)?.stop() }
        _ = await torrent.warmed()
    }
}
