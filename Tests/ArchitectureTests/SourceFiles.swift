import Foundation

/// A Swift file below `Sources`, read as text.
struct SourceFile {
    let module: String
    /// From the root of the package.
    let path: String
    let lines: [Substring]

    /// The lines without comments and without what string literals say: what the compiler runs.
    ///
    /// Block comments are not used here, and a literal over several lines is left out whole.
    var code: [(number: Int, text: String)] {
        var isInLiteral = false
        return lines.enumerated().compactMap { index, line in
            let quotes = line.contains("\"\"\"")
            defer { if quotes { isInLiteral.toggle() } }
            if isInLiteral { return nil }
            return (index + 1, Self.withoutCommentAndLiterals(line))
        }
    }

    /// The modules that the file imports.
    var imports: Set<String> {
        Set(
            code.compactMap { _, text in
                let words = text.split(separator: " ")
                guard let place = words.firstIndex(of: "import"), place + 1 < words.count,
                    words[..<place].allSatisfy({
                        ["package", "internal", "private", "@preconcurrency"].contains($0)
                    })
                else { return nil }
                return String(words[place + 1].prefix { $0 != "." })
            }
        )
    }

    private static func withoutCommentAndLiterals(_ line: Substring) -> String {
        var result = ""
        var isInString = false
        var previous: Character = " "
        for character in line {
            if character == "\"" && previous != "\\" {
                isInString.toggle()
            } else if !isInString {
                if character == "/" && previous == "/" {
                    result.removeLast()
                    break
                }
                result.append(character)
            }
            previous = previous == "\\" && character == "\\" ? " " : character
        }
        return result
    }
}

enum Package {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every Swift file of every module.
    static func sources() throws -> [SourceFile] {
        let sources = root.appending(path: "Sources")
        guard let walk = FileManager.default.enumerator(atPath: sources.path) else {
            throw CocoaError(.fileNoSuchFile)
        }
        let paths = walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted()
        return try paths.map { path in
            let text = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            return SourceFile(
                module: String(path.prefix { $0 != "/" }),
                path: "Sources/\(path)",
                lines: text.split(separator: "\n", omittingEmptySubsequences: false)
            )
        }
    }
}
