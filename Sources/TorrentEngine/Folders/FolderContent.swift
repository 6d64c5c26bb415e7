import PieceStorage

/// What a torrent that was made of a folder needs beside its info dictionary.
struct FolderContent: Sendable {
    let files: FolderFiles
    let trackerTiers: [[String]]
}
