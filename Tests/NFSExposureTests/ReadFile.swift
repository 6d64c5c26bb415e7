import Glibc

/// The text of a file of the source tree.
func readFile(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw ReadFileError(path: path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
        bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}

struct ReadFileError: Error {
    let path: String
}
