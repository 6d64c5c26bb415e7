package import Bencode

/// Why a `.torrent` file or an info dictionary is refused; `description` is written for its user,
/// who counts files from one.
package enum MetainfoError: Error, Equatable, CustomStringConvertible {
    case notBencode(BencodeError)
    case notDictionary
    /// No `info` dictionary.
    case missingInfo
    /// Only a v2 description (BEP 52).
    case version2Only
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
        case .version2Only: "this torrent is v2 only; not supported yet"
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
