/// Something in an exports file that its author should know of.
package struct ExportProblem: Equatable, Sendable, CustomStringConvertible {
    package let file: String
    /// Both count from 1; columns count characters.
    package let line: Int
    package let column: Int
    /// What is wrong and what to do about it.
    package let message: String

    package var description: String { "\(file):\(line):\(column): \(message)" }
}

/// Why an exports file was refused: every problem found, in the order of the file.
package struct ExportFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package let problems: [ExportProblem]

    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// A place in an exports file.
struct ExportPosition: Equatable {
    var line: Int
    var column: Int
}

/// A problem before it is told in which file it stands.
struct ExportSyntaxError: Error {
    let position: ExportPosition
    let message: String
}
