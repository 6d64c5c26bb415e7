package import Bencode

/// Why a `.torrent` file or an info dictionary is refused; `description` is written for its user,
/// who counts files from one.
package enum MetainfoError: Error, Equatable, CustomStringConvertible {
    case notBencode(BencodeError)
    case notDictionary
    /// No `info` dictionary.
    case missingInfo
    case malformedMetaVersion
    /// A version that BEP 52 does not know.
    case unknownMetaVersion(Int64)
    /// A file tree (BEP 52), but no `meta version`.
    case missingMetaVersion
    case missingFileTree
    /// The top of the file tree is itself a file.
    case fileTreeIsFile
    /// The names in the file tree are not in order, so that the places of the files are not known.
    case unsortedFileTree
    /// What stands for a file in the file tree has other entries beside it.
    case fileWithSiblings(file: Int)
    case paddingInFileTree(file: Int)
    /// A file that is not empty has no `pieces root` of 32 bytes that are not all zero.
    case missingPiecesRoot(file: Int)
    case malformedPieceLayers
    /// `piece layers` has an entry of no file that needs one.
    case unknownPieceLayer
    /// An entry of `piece layers` has the wrong length or another root.
    case wrongPieceLayer(file: Int)
    /// In a hybrid torrent v1 and v2 differ in this file: in its name, order, length or place.
    case inconsistentVersions(file: Int)
    /// In a hybrid torrent v1 has other padding than v2 needs, or other files.
    case inconsistentLayouts
    case missingName
    case missingPieceLength
    case pieceLengthOutOfRange(Int64)
    case missingPieces
    /// `pieces` is no multiple of 20 bytes, or not one hash for each piece.
    case wrongPieceCount(hashByteCount: Int, expectedPieceCount: Int64)
    case tooManyPieces(Int64)
    /// Neither `length` nor `files`.
    case missingFiles
    case bothLengthAndFiles
    /// File number, counted from zero.
    case malformedFile(Int)
    case malformedLength(file: Int)
    case malformedPath(file: Int)
    case pathTooDeep(file: Int)
    case totalTooLong
    case noContent
    case tooManyDuplicatePaths

    package var description: String {
        switch self {
        case .notBencode(let error): "not a torrent: \(error)"
        case .notDictionary: "not a torrent: no dictionary at the top"
        case .missingInfo: "not a torrent: no info dictionary"
        case .malformedMetaVersion: "the torrent's meta version is no number"
        case .unknownMetaVersion(let version): "version \(version) of torrents is not known"
        case .missingMetaVersion: "the torrent has a file tree, but no meta version"
        case .missingFileTree: "the torrent has no valid file tree"
        case .fileTreeIsFile: "the top of the file tree is itself a file"
        case .unsortedFileTree: "the names in the file tree are not in order"
        case .fileWithSiblings(let number): "file \(number + 1) is a directory too"
        case .paddingInFileTree(let number): "file \(number + 1) is padding, in the file tree"
        case .missingPiecesRoot(let number): "file \(number + 1) has no valid pieces root"
        case .malformedPieceLayers: "the torrent's piece layers are malformed"
        case .unknownPieceLayer: "the torrent has piece layers of no file"
        case .wrongPieceLayer(let number): "the piece layer of file \(number + 1) is wrong"
        case .inconsistentVersions(let number):
            "file \(number + 1) differs between version 1 and version 2 of the torrent"
        case .inconsistentLayouts: "version 1 and version 2 of the torrent have different files"
        case .missingName: "the torrent has no name"
        case .missingPieceLength: "the torrent has no piece length"
        case .pieceLengthOutOfRange(let length):
            "a piece length of \(length) bytes is not supported"
        case .missingPieces: "the torrent has no piece hashes"
        case .wrongPieceCount(let byteCount, let expected):
            "\(byteCount) bytes of piece hashes do not fit \(expected) pieces"
        case .tooManyPieces(let count): "\(count) pieces are too many"
        case .missingFiles: "the torrent has no files"
        case .bothLengthAndFiles: "the torrent says both that it is one file and that it is many"
        case .malformedFile(let number): "file \(number + 1) is malformed"
        case .malformedLength(let number): "file \(number + 1) has no valid length"
        case .malformedPath(let number): "file \(number + 1) has no valid path"
        case .pathTooDeep(let number): "file \(number + 1) lies in too many directories"
        case .totalTooLong: "the files are too long"
        case .noContent: "all files are empty"
        case .tooManyDuplicatePaths: "too many files have the same path"
        }
    }
}
