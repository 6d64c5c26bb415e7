/// An exports file that was read without an error.
package struct ExportFile: Sendable {
    package let table: ExportTable
    /// What the author should know although it is no error.
    package let notices: [ExportProblem]

    /// Reads exports(5) syntax.
    ///
    /// All or nothing: with one bad line there is no table.
    ///
    /// - Parameters:
    ///   - file: the name that messages begin with.
    ///   - treePath: the path that clients mount to get the tree's root.
    ///   - resolve: addresses of a host name, none if it is unknown; may block.
    package static func parse(
        _ bytes: some Sequence<UInt8>,
        file: String,
        treePath: String = "/torrents",
        resolve: @escaping (String) -> [IPAddress] = HostResolver.addresses()
    ) throws(ExportFileError) -> ExportFile {
        var parser = ExportFileParser(bytes: Array(bytes), treePath: treePath, resolve: resolve)
        parser.parse()
        let name = { (problem: ExportSyntaxError) in
            ExportProblem(
                file: file,
                line: problem.position.line,
                column: problem.position.column,
                message: problem.message
            )
        }
        guard parser.errors.isEmpty else {
            throw ExportFileError(problems: parser.errors.map(name))
        }
        return ExportFile(
            table: ExportTable(exports: parser.exports(), treePath: treePath),
            notices: parser.notices.map(name)
        )
    }
}

struct ExportFileParser {
    private struct Draft {
        /// The way from the tree's root to what is shown; known at the end of the first line.
        var components: [[UInt8]]?
        var rules: [Export.Rule] = []
        var fsid: UInt64?
    }

    private(set) var errors: [ExportSyntaxError] = []
    private(set) var notices: [ExportSyntaxError] = []

    private var scanner: ExportFileScanner
    private let clientParser: ExportClientParser
    private let treePath: String
    private let treeComponents: [[UInt8]]
    private var drafts: [String: Draft] = [:]
    private var ignored: [(name: String, position: ExportPosition)] = []
    private var firstWritable: ExportPosition?
    private var firstRootFSID: ExportPosition?

    init(bytes: [UInt8], treePath: String, resolve: @escaping (String) -> [IPAddress]) {
        scanner = ExportFileScanner(bytes)
        clientParser = ExportClientParser(resolve: resolve)
        self.treePath = treePath
        treeComponents = treePath.utf8.split(separator: Ascii.slash).map(Array.init)
    }

    mutating func parse() {
        while !scanner.isAtEnd {
            scanner.skipBlanks()
            if !scanner.isAtEndOfLine {
                do throws(ExportSyntaxError) {
                    try parseLine()
                } catch {
                    errors.append(error)
                    scanner.skipContinuedLine()
                }
            }
            scanner.skipNewline()
        }
        refuseSharedIdentities()
        noteOnce()
    }

    func exports() -> [Export] {
        drafts.map { path, draft in
            Export(
                path: path,
                components: draft.components ?? [],
                fsid: draft.fsid,
                rules: draft.rules
            )
        }
    }

    private mutating func parseLine() throws(ExportSyntaxError) {
        let pathWord = try scanner.word(endsAtParenthesis: false)
        let components = try pathComponents(pathWord)
        let path = Export.path(of: components)
        var draft = drafts[path] ?? Draft()
        var defaults = ExportOptions()
        var view = ExportView()
        var clients = 0
        var bareClient: ExportFileScanner.Word?
        scanner.skipBlanks()
        while !scanner.isAtEndOfLine {
            let word = try scanner.word(endsAtParenthesis: true)
            if word.bytes.first == UInt8(ascii: "-"), !word.isLiteral, !scanner.isAtParenthesis {
                defaults = try parseOptions(
                    Self.splitDefaults(word),
                    defaults: defaults,
                    view: &view
                )
            } else {
                if word.bytes.isEmpty {
                    warnOfTrap(host: bareClient, at: word.position)
                    bareClient = nil
                } else {
                    bareClient = scanner.isAtParenthesis ? nil : word
                }
                let options =
                    scanner.isAtParenthesis
                    ? try parseOptions(
                        try scanner.parenthesized(),
                        defaults: defaults,
                        view: &view
                    ) : defaults
                try add(word, options: options, to: &draft)
                clients += 1
            }
            scanner.skipBlanks()
        }
        if clients == 0 {
            notices.append(
                ExportSyntaxError(
                    position: pathWord.position,
                    message: "no client is named, so everyone may mount \(path); write \"*\" to "
                        + "say so"
                )
            )
            draft.rules.append(
                Export.Rule(client: "*", mark: .addresses([.everyone]), options: defaults)
            )
            draft.fsid = draft.fsid ?? defaults.fsid
        }
        let shown = try shown(by: view, at: components, pathWord)
        if let other = draft.components, other != shown {
            throw ExportSyntaxError(
                position: pathWord.position,
                message:
                    "one path shows one directory; give all its lines the same route= and path="
            )
        }
        draft.components = shown
        drafts[path] = draft
    }

    /// The way from the tree's root to what an export shows.
    private func shown(
        by view: ExportView,
        at components: [[UInt8]],
        _ word: ExportFileScanner.Word
    ) throws(ExportSyntaxError) -> [[UInt8]] {
        if let shown = view.components { return shown }
        guard components.starts(with: treeComponents) else {
            throw ExportSyntaxError(
                position: word.position,
                message: "\(word.text) is not in the tree, which stands at \(treePath); export "
                    + "\(treePath) or a directory below it, or say with route= or path= what it "
                    + "is to show"
            )
        }
        return Array(components.dropFirst(treeComponents.count))
    }

    private func pathComponents(
        _ word: ExportFileScanner.Word
    ) throws(ExportSyntaxError) -> [[UInt8]] {
        guard word.bytes.first == Ascii.slash else {
            throw ExportSyntaxError(
                position: word.position,
                message: "an export begins with an absolute path; write \(treePath) or a directory "
                    + "below it"
            )
        }
        let components = word.bytes.split(separator: Ascii.slash).map(Array.init)
        guard !components.contains(where: { $0 == [0x2e] || $0 == [0x2e, 0x2e] }) else {
            throw ExportSyntaxError(
                position: word.position,
                message: "\".\" and \"..\" cannot stand in a path"
            )
        }
        guard Export.path(of: components).utf8.count <= 1024 else {
            throw ExportSyntaxError(
                position: word.position,
                message: "a path has at most 1024 bytes"
            )
        }
        return components
    }

    private mutating func parseOptions(
        _ words: [ExportFileScanner.Word],
        defaults: ExportOptions,
        view: inout ExportView
    ) throws(ExportSyntaxError) -> ExportOptions {
        var parser = ExportOptionParser(defaults: defaults, view: view)
        for word in words { try parser.apply(word) }
        let hasOtherView = view.components != nil && parser.view != view
        guard !hasOtherView else {
            throw ExportSyntaxError(
                position: words.first?.position ?? ExportPosition(line: 1, column: 1),
                message: "one path shows one directory; write route= and path= once, behind the "
                    + "path: -route=..."
            )
        }
        view = parser.view
        ignored += parser.ignored
        firstRootFSID = firstRootFSID ?? parser.rootFSID
        if parser.options.writable, !defaults.writable, firstWritable == nil {
            firstWritable = words.first?.position
        }
        return parser.options
    }

    private mutating func add(
        _ client: ExportFileScanner.Word,
        options: ExportOptions,
        to draft: inout Draft
    ) throws(ExportSyntaxError) {
        guard !client.bytes.isEmpty || !client.isLiteral else {
            throw ExportSyntaxError(
                position: client.position,
                message: "a client has no empty name; write * for everyone"
            )
        }
        let name = client.bytes.isEmpty ? "*" : client.text
        if draft.rules.contains(where: { $0.client == name }) {
            throw ExportSyntaxError(
                position: client.position,
                message: "\(name) is named twice for one path; remove one of the two"
            )
        }
        if let fsid = options.fsid {
            if let other = draft.fsid, other != fsid {
                throw ExportSyntaxError(
                    position: client.position,
                    message: "one path has one fsid; give all its clients the same fsid="
                )
            }
            draft.fsid = fsid
        }
        let (mark, notice) = try clientParser.mark(of: name, at: client.position)
        if let notice { notices.append(notice) }
        draft.rules.append(Export.Rule(client: name, mark: mark, options: options))
    }

    private mutating func warnOfTrap(
        host: ExportFileScanner.Word?,
        at position: ExportPosition
    ) {
        let message =
            if let host {
                "the blank between \(host.text) and \"(\" gives these options to everyone and "
                    + "the defaults to \(host.text); remove the blank"
            } else {
                "options without a client are for everyone; write \"*(...)\" to say so"
            }
        notices.append(ExportSyntaxError(position: position, message: message))
    }

    private mutating func refuseSharedIdentities() {
        var owner: [UInt64: String] = [:]
        var ownerOfID: [UInt32: String] = [:]
        for export in exports().sorted(by: { $0.path < $1.path }) {
            if let other = ownerOfID.updateValue(export.path, forKey: export.id) {
                errors.append(
                    ExportSyntaxError(
                        position: ExportPosition(line: 1, column: 1),
                        message: "the paths \(other) and \(export.path) have the same hash, so "
                            + "handles could not tell them apart; rename one"
                    )
                )
            }
            if let other = owner.updateValue(export.path, forKey: export.fsid) {
                errors.append(
                    ExportSyntaxError(
                        position: ExportPosition(line: 1, column: 1),
                        message: "\(other) and \(export.path) have the same fsid; give each "
                            + "export its own fsid="
                    )
                )
            }
        }
    }

    private mutating func noteOnce() {
        if let first = ignored.first {
            var names: [String] = []
            for entry in ignored where !names.contains(entry.name) { names.append(entry.name) }
            notices.append(
                ExportSyntaxError(
                    position: first.position,
                    message: "accepted without effect: \(names.joined(separator: ", "))"
                )
            )
        }
        if let firstWritable {
            notices.append(
                ExportSyntaxError(
                    position: firstWritable,
                    message: "rw is accepted, but the tree takes no writes: they are answered "
                        + "\"Read-only file system\""
                )
            )
        }
        if let firstRootFSID {
            notices.append(
                ExportSyntaxError(
                    position: firstRootFSID,
                    message: "fsid=0 marks the root of an NFSv4 server and has no effect here"
                )
            )
        }
    }

    private static func splitDefaults(_ word: ExportFileScanner.Word) -> [ExportFileScanner.Word] {
        var column = word.position.column + 1
        return word.bytes.dropFirst().split(
            separator: Ascii.comma,
            omittingEmptySubsequences: false
        ).compactMap { part in
            defer { column += part.count + 1 }
            guard !part.isEmpty else { return nil }
            return ExportFileScanner.Word(
                bytes: Array(part),
                position: ExportPosition(line: word.position.line, column: column),
                isLiteral: false
            )
        }
    }
}
