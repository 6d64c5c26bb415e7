/// A folder of the user that is to be published as a torrent.
package struct ServedFolder: Hashable, Sendable {
    /// Absolute.
    package var path: String
    /// Of the torrent.
    package var name: String
    /// URLs; each is a tier of its own (BEP 12).
    package var trackers: [String] = []
    /// Only the trackers may tell of it (BEP 27).
    package var isPrivate = false
    /// Bytes; `nil` chooses by the size of the folder (`PieceLength`).
    package var pieceLength: UInt32?

    package init(path: String, name: String) {
        self.path = path
        self.name = name
    }
}
