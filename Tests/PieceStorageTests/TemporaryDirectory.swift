import Foundation

/// A directory that is removed with the value.
final class TemporaryDirectory: Sendable {
    let path: String

    /// - Parameter parent: where it is made; by default where temporary files belong.
    init(below parent: String = FileManager.default.temporaryDirectory.path) throws {
        path = "\(parent)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
