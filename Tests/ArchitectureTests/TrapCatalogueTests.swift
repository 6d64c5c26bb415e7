import Foundation
import Testing

/// What docs/traps.md promises of tests.
@Suite struct TrapCatalogueTests {
    private struct Row {
        let number: Int
        let happens: String
        let tests: [String]
    }

    /// What a row says of a trap that cannot be met, because its protocol is not there.
    private static let notSpoken = "not spoken"

    private func rows() throws -> [Row] {
        let page = Package.root.appending(path: "docs/traps.md")
        return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap {
            let cells = $0.split(separator: "|", omittingEmptySubsequences: false).dropFirst()
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count >= 4, let number = Int(cells[0]) else { return nil }
            return Row(
                number: number,
                happens: cells[2],
                tests: cells[3].split(separator: "`").map { String($0) }.filter { $0 != " " }
            )
        }
    }

    /// `Suite.function` of every Swift test, and the names of the Python ones.
    private func existingTests() throws -> Set<String> {
        let directory = Package.root.appending(path: "Tests")
        guard let walk = FileManager.default.enumerator(atPath: directory.path) else {
            throw CocoaError(.fileNoSuchFile)
        }
        var found: Set<String> = []
        for path in walk.compactMap({ $0 as? String }) {
            guard path.hasSuffix(".swift") || path.hasSuffix(".py") else { continue }
            let text = try String(contentsOf: directory.appending(path: path), encoding: .utf8)
            found.formUnion(path.hasSuffix(".py") ? pythonTests(in: text) : swiftTests(in: text))
        }
        return found
    }

    private func pythonTests(in text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.first == "def", let name = words.dropFirst().first,
                name.hasPrefix("test_")
            else { return nil }
            return String(name.prefix { $0 != "(" })
        }
    }

    private func swiftTests(in text: String) -> [String] {
        var suite: Substring = ""
        var isMarked = false
        var found: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.first != " " {
                suite =
                    name(after: "struct", in: line) ?? name(after: "extension", in: line) ?? suite
            }
            if line.contains("@Test") { isMarked = true }
            guard isMarked, let function = name(after: "func", in: line) else { continue }
            found.append("\(suite).\(function)")
            isMarked = false
        }
        return found
    }

    private func name(after word: String, in line: Substring) -> Substring? {
        guard let place = line.firstRange(of: word + " ") else { return nil }
        return line[place.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    }

    @Test func theRowsAreNumbered() throws {
        #expect(try rows().map(\.number) == Array(1...45))
    }

    @Test func everyTrapHasATestThatExists() throws {
        let existing = try existingTests()
        for row in try rows() {
            #expect(
                !row.tests.isEmpty || row.happens.hasPrefix(Self.notSpoken),
                "trap \(row.number) has no test"
            )
            for test in row.tests {
                #expect(existing.contains(test), "trap \(row.number): there is no test \(test)")
            }
        }
    }
}
