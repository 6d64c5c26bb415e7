import Bencode

// Scrapes over HTTP (BEP 48): what a tracker knows of a swarm, without taking part in it.
extension HTTPTrackerCodec {
    /// The URL to fetch.
    ///
    /// - Returns: `nil` unless what follows the last slash of the announce URL begins with
    ///   `announce`: such a tracker cannot be scraped.
    package static func scrapeURL(announce: String, infoHash: InfoHash) -> String? {
        guard let slash = announce.lastIndex(of: "/") else { return nil }
        let last = announce[announce.index(after: slash)...]
        let word = "announce"
        guard last.hasPrefix(word) else { return nil }
        let url = announce[...slash] + "scrape" + last.dropFirst(word.count)
        let field = "info_hash=" + percentEncoded(infoHash.bytes)
        return try? appending(field, to: url)
    }

    /// Reads the body of a response.
    ///
    /// - Returns: `nil` if the tracker does not know the torrent.
    /// - Throws: `AnnounceError.refused` for the tracker's own refusal, others for nonsense.
    package static func swarmSize(
        of infoHash: InfoHash,
        parsing bytes: [UInt8]
    ) throws(AnnounceError) -> SwarmSize? {
        guard let files = try dictionary(bytes)["files"]?.dictionary else {
            throw .malformed(key: "files")
        }
        let key = infoHash.bytes
        for (candidate, entry) in files where candidate.elementsEqual(key) {
            guard let seeds = count(entry["complete"]), let leechers = count(entry["incomplete"])
            else { throw .malformed(key: "files") }
            return SwarmSize(
                seedCount: seeds,
                leecherCount: leechers,
                completedCount: count(entry["downloaded"])
            )
        }
        return nil
    }

    /// No count is above what 32 bits hold, as with UDP.
    private static func count(_ value: BencodeValue?) -> Int? {
        value?.integer.flatMap { UInt32(exactly: $0) }.map { Int($0) }
    }
}
