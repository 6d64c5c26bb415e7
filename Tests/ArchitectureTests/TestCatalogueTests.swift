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
    ///
    /// A pattern over whole files: looking at each line of each would take a minute.
    private static let existing: Result<Set<String>, any Error> = Result {
        let directory = Package.root.appending(path: "Tests")
        guard let walk = FileManager.default.enumerator(atPath: directory.path) else {
            throw CocoaError(.fileNoSuchFile)
        }
        let swift = try NSRegularExpression(
            pattern: #"^(?:[^\s/].*? )?(?:struct|extension) (\w+)|@(Test)\b|\bfunc (\w+)"#,
            options: .anchorsMatchLines
        )
        let python = try NSRegularExpression(
            pattern: #"^ +def (test_\w+)"#,
            options: .anchorsMatchLines
        )
        var found: Set<String> = []
        for path in walk.compactMap({ $0 as? String }) {
            guard path.hasSuffix(".swift") || path.hasSuffix(".py") else { continue }
            let text = try String(contentsOf: directory.appending(path: path), encoding: .utf8)
            let whole = text as NSString
            let pattern = path.hasSuffix(".py") ? python : swift
            var suite = ""
            var isMarked = false
            pattern.enumerateMatches(
                in: text,
                range: NSRange(location: 0, length: whole.length)
            ) { match, _, _ in
                guard let match else { return }
                let groups = (1..<match.numberOfRanges).map { match.range(at: $0) }
                guard let group = groups.firstIndex(where: { $0.location != NSNotFound }) else {
                    return
                }
                let name = whole.substring(with: groups[group])
                switch (path.hasSuffix(".py"), group) {
                case (true, _): found.insert(name)
                case (_, 0): suite = name
                case (_, 1): isMarked = true
                default:
                    if isMarked { found.insert("\(suite).\(name)") }
                    isMarked = false
                }
            }
        }
        return found
    }

    @Test(arguments: catalogues)
    func theRowsAreNumbered(catalogue: Catalogue) throws {
        #expect(try rows(of: catalogue).map(\.number) == Array(1...catalogue.count))
    }

    @Test(arguments: catalogues)
    func everyRowHasATestThatExists(catalogue: Catalogue) throws {
        let existing = try Self.existing.get()
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
