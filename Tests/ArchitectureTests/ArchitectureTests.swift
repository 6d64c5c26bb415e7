import Testing

/// What docs/architecture.md promises and no compiler checks.
@Suite struct ArchitectureTests {
    /// The modules of this package that each module may import.
    static let mayImport: [String: Set<String>] = [
        "Cryptography": ["CCrypto"],
        "Bencode": [],
        "BitTorrentProtocol": ["Bencode", "Cryptography"],
        "TorrentLogic": ["BitTorrentProtocol"],
        "PieceStorage": ["BitTorrentProtocol", "Cryptography", "CLinux"],
        "StateStore": ["BitTorrentProtocol"],
        "Sockets": [],
        "TorrentEngine": [
            "TorrentLogic", "PieceStorage", "StateStore", "BitTorrentProtocol", "Cryptography",
            "Sockets",
        ],
        "VirtualTree": ["TorrentEngine", "StateStore", "BitTorrentProtocol"],
        "ONCRPC": ["CTirpc"],
        "NFSProtocol": ["ONCRPC"],
        "NFSExposure": [
            "VirtualTree", "NFSProtocol", "ONCRPC", "Cryptography", "Sockets",
        ],
        "sluice": [
            "NFSExposure", "VirtualTree", "TorrentEngine", "TorrentLogic", "PieceStorage",
            "StateStore", "BitTorrentProtocol", "Cryptography",
        ],
    ]

    /// What a module may import from elsewhere.
    static let mayImportFromOutside: [String: Set<String>] = [
        "Cryptography": [],
        "Bencode": [],
        "BitTorrentProtocol": ["NIOCore"],
        "TorrentLogic": [],
        "PieceStorage": ["Glibc", "NIOCore", "NIOPosix", "Synchronization"],
        "StateStore": ["Foundation", "Glibc", "GRDB", "Synchronization"],
        "Sockets": ["Glibc", "NIOCore", "NIOPosix", "Synchronization"],
        "TorrentEngine": [
            "AsyncHTTPClient", "Glibc", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix",
            "Synchronization",
        ],
        "VirtualTree": ["NIOCore", "Synchronization"],
        "ONCRPC": ["NIOCore"],
        "NFSProtocol": ["NIOCore"],
        "NFSExposure": ["Glibc", "Logging", "NIOCore", "NIOPosix", "Synchronization"],
        "sluice": [
            "ArgumentParser", "Foundation", "Glibc", "Logging", "NIOCore", "NIOPosix",
            "ServiceLifecycle", "Synchronization", "UnixSignals", "Yams",
        ],
    ]

    /// Modules of values and decisions: the same input gives the same output, at any time.
    static let pure: Set<String> = [
        "Bencode", "BitTorrentProtocol", "TorrentLogic", "NFSProtocol",
    ]

    /// Lines that may break a rule: a part of the path, the word, and the reason.
    static let exceptions: [(path: String, word: String, reason: String)] = [
        (
            "ONCRPC/XDRWriter.swift", "@inlinable",
            "is called for each word of a listing, which takes a fifth longer if these are calls"
        ),
        (
            "Cryptography/SHA1Hasher.swift", "@unchecked Sendable",
            "owns a context of libcrypto that is not copied and has one user at a time"
        ),
        (
            "Cryptography/DigestAlgorithm.swift", "@unchecked Sendable",
            "holds an algorithm of libcrypto, which is constant once it was fetched"
        ),
        (
            "TorrentEngine/UTP/UTPChannel.swift", "@unchecked Sendable",
            "is a channel, whose state belongs to one event loop; NIO's own are the same"
        ),
    ]

    let sources: [SourceFile]

    init() throws { sources = try Package.sources() }

    @Test func everyModuleIsInTheTable() {
        let modules = Set(sources.map(\.module))
        #expect(modules == Set(Self.mayImport.keys))
        #expect(modules == Set(Self.mayImportFromOutside.keys))
    }

    @Test func modulesImportWhatTheTableAllows() {
        for file in sources {
            let allowed =
                Self.mayImport[file.module, default: []]
                .union(Self.mayImportFromOutside[file.module, default: []])
            let forbidden = file.imports.subtracting(allowed).sorted()
            #expect(forbidden.isEmpty, "\(file.path) imports \(forbidden)")
        }
    }

    @Test func theTableHasNoCycle() {
        var settled: Set<String> = ["CCrypto", "CTirpc", "CLinux"]
        var rest = Self.mayImport
        while !rest.isEmpty {
            let next = rest.filter { $0.value.isSubset(of: settled) }
            guard !next.isEmpty else {
                Issue.record("These modules import each other: \(rest.keys.sorted())")
                return
            }
            for module in next.keys {
                settled.insert(module)
                rest[module] = nil
            }
        }
    }

    @Test func everyCLibraryHasOneImporter() {
        for library in ["CCrypto", "CTirpc", "CTirpcSystem", "CLinux", "GRDB"] {
            let importers = Set(sources.filter { $0.imports.contains(library) }.map(\.module))
            #expect(importers.count <= 1, "\(library) is imported by \(importers.sorted())")
        }
    }

    @Test func pureModulesReadNoClockAndNeverWait() {
        let words = [
            "async", "await", "actor", "Task", ".now", "ContinuousClock()", "SuspendingClock",
            "SystemRandomNumberGenerator", "Mutex", "Atomic",
        ]
        for file in sources where Self.pure.contains(file.module) {
            report(words, in: file)
        }
    }

    @Test func nothingDefeatsTheChecksOfTheCompiler() {
        let words = [
            "print(", "debugPrint(", "try!", "as!", "@unchecked Sendable", "nonisolated(unsafe)",
            "Task.detached", "fatalError", "@inlinable", "public",
        ]
        for file in sources { report(words, in: file) }
    }

    @Test func nothingIsLeftToBeDone() {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
        for file in sources {
            for (index, line) in file.lines.enumerated() {
                for mark in marks where words(of: String(line)).contains(Substring(mark)) {
                    Issue.record("\(file.path):\(index + 1): \(mark)")
                }
            }
        }
    }

    @Test func filesAndFunctionsAreShort() {
        for file in sources {
            #expect(file.lines.count <= 401, "\(file.path) has \(file.lines.count - 1) lines")
            for function in longFunctions(in: file) { Issue.record("\(function)") }
        }
    }

    @Test func everyExceptionIsNeeded() {
        for exception in Self.exceptions {
            let isUsed = sources.contains { file in
                file.path.contains(exception.path)
                    && file.code.contains { contains($0.text, exception.word) }
            }
            #expect(isUsed, "\(exception.word) in \(exception.path) is excused but not there")
        }
    }

    private func report(_ forbidden: [String], in file: SourceFile) {
        for (number, text) in file.code {
            for word in forbidden where contains(text, word) {
                let isExcused = Self.exceptions.contains {
                    file.path.contains($0.path) && $0.word == word
                }
                if !isExcused { Issue.record("\(file.path):\(number): \(word)") }
            }
        }
    }

    /// Whether a line has the word; one of letters alone must stand by itself.
    private func contains(_ text: String, _ word: String) -> Bool {
        word.allSatisfy(\.isLetter)
            ? words(of: text).contains(Substring(word)) : text.contains(word)
    }

    private func words(of text: String) -> [Substring] {
        text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    }

    /// Functions and initialisers of more than 70 lines, found by their indentation, which
    /// `swift format` keeps true.
    private func longFunctions(in file: SourceFile) -> [String] {
        var found: [String] = []
        var start: (line: Int, indentation: Int)?
        for (number, text) in file.code {
            let indentation = text.prefix { $0 == " " }.count
            if let begun = start {
                if text.dropFirst(indentation).first == "}", indentation == begun.indentation {
                    let count = number - begun.line + 1
                    if count > 70 {
                        found.append("\(file.path):\(begun.line): a function of \(count) lines")
                    }
                    start = nil
                }
            } else if words(of: text).contains(where: { $0 == "func" || $0 == "init" }),
                !text.hasSuffix("}"), text.contains("func ") || text.contains("init")
            {
                start = (number, indentation)
            }
        }
        return found
    }
}
