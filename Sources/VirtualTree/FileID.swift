package import BitTorrentProtocol

/// The identity of a file or directory.
///
/// It is everything that is needed to find the object again, and nothing that a restart could
/// change. A file handle carries it whole, so no table of handles exists.
package struct FileID: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        case root = 1
        case route = 2
        /// `index` counts the torrent's directories in the order in which the metainfo first
        /// names them; 0 is its top directory.
        case torrentDirectory = 3
        /// `index` is the file's position in the metainfo.
        case torrentFile = 4
    }

    package let kind: Kind
    /// Hash of the route's name; 0 for the root.
    package let route: UInt32
    /// `nil` for the root and for routes.
    package let infoHash: InfoHash?
    package let index: UInt32
    /// The member of an archive; 0 where the file itself is meant.
    package let member: UInt64

    package init(
        kind: Kind,
        route: UInt32 = 0,
        infoHash: InfoHash? = nil,
        index: UInt32 = 0,
        member: UInt64 = 0
    ) {
        self.kind = kind
        self.route = route
        self.infoHash = infoHash
        self.index = index
        self.member = member
    }
}

extension FileID: CustomStringConvertible {
    /// Enough to find the object in a log.
    package var description: String {
        "\(infoHash.map { "\($0)" } ?? "route \(route)")/\(index)"
    }
}
