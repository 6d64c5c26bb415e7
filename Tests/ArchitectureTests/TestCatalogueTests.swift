import Foundation
import Testing

/// What pages of docs/ promise of tests.
@Suite struct TestCatalogueTests {
    struct Catalogue: CustomTestStringConvertible {
        let page: String
        let count: Int
        /// Which cell, after the number, says what happens and may excuse a row without tests.
        let excuseColumn: Int
        /// How such an excuse begins.
        let excuse: String

        var testDescription: String { page }
    }

    private struct Row {
        let number: Int
        let what: String
        let tests: [String]
    }

    static let catalogues = [
        Catalogue(page: "docs/traps.md", count: 45, excuseColumn: 2, excuse: "not spoken"),
        Catalogue(page: "docs/nfs.md", count: 92, excuseColumn: 1, excuse: "not here"),
    ]

    private func rows(of catalogue: Catalogue) throws -> [Row] {
        let page = Package.root.appending(path: catalogue.page)
        return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap {
            let cells = $0.split(separator: "|", omittingEmptySubsequences: false).dropFirst()
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count >= catalogue.excuseColumn + 2, let number = Int(cells[0]) else {
                return nil
            }
            return Row(
                number: number,
                what: cells[catalogue.excuseColumn],
                tests: cells[catalogue.excuseColumn + 1].split(separator: "`").map(String.init)
                    .filter { $0 != " " }
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

    @Test(arguments: catalogues)
    func theRowsAreNumbered(catalogue: Catalogue) throws {
        #expect(try rows(of: catalogue).map(\.number) == Array(1...catalogue.count))
    }

    @Test(arguments: catalogues)
    func everyRowHasATestThatExists(catalogue: Catalogue) throws {
        let existing = try existingTests()
        for row in try rows(of: catalogue) {
            #expect(
                !row.tests.isEmpty || row.what.hasPrefix(catalogue.excuse),
                "\(catalogue.page), \(row.number) has no test"
            )
            for test in row.tests where !existing.contains(test) {
                Issue.record("\(catalogue.page), \(row.number): there is no test \(test)")
            }
        }
    }
}
