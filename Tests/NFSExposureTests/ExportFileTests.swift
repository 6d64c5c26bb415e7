import NFSExposure
import Testing

@Suite struct ExportFileTests {
    private func parse(_ text: String) throws -> ExportFile {
        try ExportFile.parse(text.utf8, file: "exports") { name in
            switch name {
            case "kodi.lan": [IPAddress("192.168.1.7"), IPAddress("fd00::7")].compactMap(\.self)
            default: []
            }
        }
    }

    private func messages(_ text: String) -> [String] {
        do {
            _ = try parse(text)
            return []
        } catch let error as ExportFileError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    private func options(_ text: String, _ address: String) throws -> ExportOptions? {
        let address = try #require(IPAddress(address))
        return try parse(text).table.exports[0].options(for: address)
    }

    @Test func readsPathClientAndOptions() throws {
        let table = try parse("/torrents/movies 192.168.1.0/24(ro,all_squash,anonuid=7)").table
        let export = table.exports[0]
        #expect(export.path == "/torrents/movies")
        #expect(export.components == [Array("movies".utf8)])
        let inside = try #require(IPAddress("192.168.1.9"))
        let outside = try #require(IPAddress("192.168.2.9"))
        let options = try #require(export.options(for: inside))
        #expect(options.squash == .all)
        #expect(options.reportedUser == 7)
        #expect(options.reportedGroup == 65534)
        #expect(export.options(for: outside) == nil)
    }

    @Test func readsQuotesEscapesCommentsAndContinuations() throws {
        let table = try parse(
            """
            # a comment
            "/torrents/with space" \\
                10.0.0.1   # another

            /torrents/a\\040b\t*(ro)\r
            """
        ).table
        #expect(table.exports.map(\.path) == ["/torrents/a b", "/torrents/with space"])
    }

    @Test func treatsSlashesAlike() throws {
        #expect(
            try parse("//torrents///movies/ *").table.exports.map(\.path) == ["/torrents/movies"]
        )
    }

    @Test func appliesDefaultOptionsToTheClientsBehind() throws {
        let text = "/torrents -all_squash,anonuid=5 10.0.0.1 10.0.0.2(anonuid=6)"
        #expect(try options(text, "10.0.0.1")?.reportedUser == 5)
        #expect(try options(text, "10.0.0.2")?.reportedUser == 6)
    }

    @Test func matchesHostThenLongestPrefixThenEveryone() throws {
        let text = """
            /torrents *(anonuid=1) 10.0.0.0/8(anonuid=2) 10.1.0.0/255.255.0.0(anonuid=3) \
            10.1.0.7(anonuid=4) kodi.lan(anonuid=5) fd00::/16(anonuid=6)
            """
        #expect(try options(text, "10.1.0.7")?.anonymousUser == 4)
        #expect(try options(text, "10.1.0.8")?.anonymousUser == 3)
        #expect(try options(text, "10.2.0.8")?.anonymousUser == 2)
        #expect(try options(text, "11.2.0.8")?.anonymousUser == 1)
        #expect(try options(text, "192.168.1.7")?.anonymousUser == 5)
        #expect(try options(text, "fd00::7")?.anonymousUser == 5)
        #expect(try options(text, "fd00::8")?.anonymousUser == 6)
        #expect(try options(text, "::ffff:10.1.0.7")?.anonymousUser == 4)
    }

    @Test func matchesNamesBehindNetworksAndNetgroupsBehindNames() throws {
        let table = try parse(
            """
            /torrents *(anonuid=1) @players(anonuid=2) *.Example.org(anonuid=3) \
            10.0.0.0/8(anonuid=4) 10.1.0.7(anonuid=5) node[1-3]-?.lan(anonuid=6)
            """
        ).table
        func user(
            _ address: String,
            _ names: [String],
            in netgroups: Set<String> = []
        ) throws
            -> UInt32?
        {
            let address = try #require(IPAddress(address))
            let host = ClientHost(address: address, names: names, netgroups: netgroups)
            return table.exports[0].options(for: host)?.anonymousUser
        }
        #expect(try user("10.1.0.7", ["a.example.org"], in: ["players"]) == 5)
        #expect(try user("10.2.0.7", ["a.example.org"], in: ["players"]) == 4)
        #expect(try user("11.0.0.1", ["a.b.example.ORG"], in: ["players"]) == 3)
        #expect(try user("11.0.0.1", ["other", "node2-x.lan"]) == 6)
        #expect(try user("11.0.0.1", ["other"], in: ["others", "players"]) == 2)
        #expect(try user("11.0.0.1", ["example.org", "node4-x.lan"]) == 1)
        #expect(table.netgroups == ["players"])
        let (inside, outside) = (IPAddress("10.2.0.7"), IPAddress("11.0.0.1"))
        #expect(try !table.needsNames(of: #require(inside)))
        #expect(try table.needsNames(of: #require(outside)))
        #expect(try !parse("/torrents * 10.0.0.1").table.needsNames(of: #require(outside)))
    }

    @Test func acceptsUnprivilegedPortsUnlessSecure() throws {
        let address = try #require(IPAddress("10.0.0.1"))
        let open = try parse("/torrents *").table.exports[0]
        #expect(open.options(for: address, port: 40000) != nil)
        let closed = try parse("/torrents *(secure)").table.exports[0]
        #expect(closed.options(for: address, port: 40000) == nil)
        #expect(closed.options(for: address, port: 1023) != nil)
    }

    @Test func warnsOfTheBlankBeforeTheParenthesis() throws {
        let file = try parse("/torrents kodi.lan (all_squash)")
        #expect(file.notices.count == 1)
        #expect(file.notices[0].description.hasPrefix("exports:1:20: the blank between kodi.lan"))
        let export = file.table.exports[0]
        let anyone = try #require(IPAddress("8.8.8.8"))
        #expect(export.options(for: anyone)?.squash == .all)
    }

    @Test func tellsOfIgnoredOptionsOnce() throws {
        let file = try parse(
            "/torrents *(ro,sync,no_subtree_check,mp=/x)\n/torrents/a *(sync,fsid=0,rw)"
        )
        #expect(
            file.notices.map(\.description) == [
                "exports:1:16: accepted without effect: sync, no_subtree_check, mp",
                "exports:2:15: rw is accepted, but the tree takes no writes: they are answered "
                    + "\"Read-only file system\"",
                "exports:2:20: fsid=0 marks the root of an NFSv4 server and has no effect here",
            ]
        )
    }

    @Test func notesAClientThatDoesNotResolve() throws {
        let file = try parse("/torrents ghost.lan")
        #expect(file.notices.count == 1)
        #expect(file.table.exports[0].rules[0].mark == .addresses([]))
    }

    @Test(arguments: [
        ("/torrents *(fast)", "exports:1:13: unknown option \"fast\""),
        ("/torrents *(ro,ünknown,worse)", "exports:1:16: unknown option \"ünknown\""),
        ("/srv/movies *", "exports:1:1: /srv/movies is not in the tree, which stands at /torrents"),
        ("torrents *", "exports:1:1: an export begins with an absolute path"),
        ("\n\n/torrents *(ro", "exports:3:12: a parenthesis is not closed"),
        ("/torrents *(ro, rw)", "exports:1:16: options are separated by commas alone"),
        ("\"/torrents *", "exports:1:1: a quote is not closed"),
        ("/torrents\\04 *", "exports:1:10: a backslash needs three octal digits"),
        ("/torrents\\777 *", "exports:1:10: an octal escape goes up to"),
        ("/torrents [a.lan", "exports:1:11: \"[a.lan\" is no pattern of host names"),
        ("/torrents *_!.lan", "exports:1:11: \"*_!.lan\" is no pattern of host names"),
        ("/torrents 192.168.*", "exports:1:11: \"192.168.*\": a pattern is one of names"),
        ("/torrents @", "exports:1:11: \"@\" is neither a host name nor an address"),
        ("/torrents \"\"", "exports:1:11: a client has no empty name"),
        ("/torrents *(ro) \"\"(ro)", "exports:1:17: a client has no empty name"),
        ("/torrents 10.0.0.0/33", "exports:1:11: \"10.0.0.0/33\" is no network"),
        ("/torrents 10.0.0.0/255.0.255.0", "exports:1:11: \"10.0.0.0/255.0.255.0\" is no network"),
        ("/torrents a b a", "exports:1:15: a is named twice"),
        ("/torrents *(anonuid=4294967295)", "exports:1:13: anonuid= takes a number"),
        ("/torrents *(anonuid)", "exports:1:13: option \"anonuid\" needs a value"),
        ("/torrents *(sec=krb5)", "exports:1:13: security flavour \"krb5\" is not served"),
        ("/torrents *(stall=never)", "exports:1:13: stall= is \"later\" or \"hold\""),
        ("/torrents *(stall_timeout=-1)", "exports:1:13: stall_timeout= takes seconds"),
        ("/torrents *(fsid=x)", "exports:1:13: fsid= takes a number or a UUID"),
        ("/torrents a(fsid=1) b(fsid=2)", "exports:1:21: one path has one fsid"),
        (
            "/torrents *(fsid=1)\n/torrents/a *(fsid=1)",
            "exports:1:1: /torrents and /torrents/a have"
        ),
        ("/torrents/../etc *", "exports:1:1: \".\" and \"..\" cannot stand in a path"),
    ])
    func tellsWhereAnErrorStands(text: String, beginning: String) {
        let found = messages(text)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(beginning) == true, "\(found)")
    }

    @Test func tellsOfAllErrors() {
        #expect(messages("/torrents *(x)\n/torrents *(y) \\\n  *(z)\n/other *").count == 3)
    }

    @Test func readsUUIDs() throws {
        let a = try parse("/torrents *(fsid=12345678-1234-1234-1234-123456789abc)").table.exports[0]
        #expect(a.fsid != 0)
    }

    @Test func identityFollowsFromThePath() throws {
        let one = try parse("/torrents *").table.exports[0]
        let two = try parse("/torrents/a *\n/torrents 10.0.0.1(ro)").table
        #expect(two.exports[0].id == one.id)
        #expect(two.exports[0].fsid == one.fsid)
        #expect(two.exports[1].id != one.id)
        #expect(two.export(id: one.id)?.path == "/torrents")
    }

    @Test func findsTheDeepestExport() throws {
        let table = try parse("/torrents *\n/torrents/a/b *").table
        func path(_ components: String...) -> String? {
            table.export(covering: (["torrents"] + components).map { Array($0.utf8) })?.path
        }
        #expect(path() == "/torrents")
        #expect(path("a") == "/torrents")
        #expect(path("a", "b", "c") == "/torrents/a/b")
    }

    @Test func showsDirectoriesFromElsewhere() throws {
        let table = try parseExports(
            """
            /media -route=movies 10.0.0.1 10.0.0.2(mode=0640,uid=7,gid=8)
            /media 10.0.0.3(route=movies)
            /deep *(path=/movies/Some Film)
            /both *(path=/Season 1/,route=series)
            """.replacing("Some Film", with: #"Some\040Film"#).replacing(
                "Season 1",
                with: #"Season\0401"#
            )
        )
        func shown(_ path: String) -> [String]? {
            table.exports.first { $0.path == path }?.components.map {
                String(decoding: $0, as: UTF8.self)
            }
        }
        #expect(shown("/media") == ["movies"])
        #expect(shown("/deep") == ["movies", "Some Film"])
        #expect(shown("/both") == ["series", "Season 1"])
        let host = try #require(IPAddress("10.0.0.2"))
        let media = try #require(table.exports.first { $0.path == "/media" })
        let options = try #require(media.options(for: host))
        #expect(options.reportedUser == 7)
        #expect(options.reportedGroup == 8)
        #expect(options.reportedMode(0o555, isDirectory: false) == 0o640)
        #expect(options.reportedMode(0o555, isDirectory: true) == 0o750)
    }

    @Test(arguments: [
        ("/x *", "say with route= or path="),
        ("/x *(route=a/b)", "the name of one route"),
        ("/x *(path=a)", "begins with a slash"),
        ("/x *(path=/../a)", "cannot stand in path="),
        ("/x a(route=a) b(route=b)", "one path shows one directory"),
        ("/x *(route=a)\n/x 10.0.0.1(route=b)", "one path shows one directory"),
        ("/torrents *(mode=0999)", "permission bits in octal"),
        ("/torrents *(uid=4294967295)", "takes a number"),
    ])
    func saysWhatIsWrongWithAView(text: String, message: String) {
        let error = #expect(throws: ExportFileError.self) { try parseExports(text) }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func writesOptionsAsTheFileHasThem() throws {
        let written =
            "rw,secure,all_squash,anonuid=5,anongid=6,sec=sys:none,uid=1,mode=0444,stall=hold"
        let options = try #require(
            try parseExports("/torrents *(\(written))").exports.first?.rules.first?.options
        )
        #expect("\(options)" == written)
        #expect(
            "\(ExportOptions())" == "ro,insecure,root_squash,sec=sys,stall_timeout=25"
        )
    }

    @Test func readsAnyBytesWithoutCrashing() {
        var random = SplitMix(state: 7)
        let alphabet = Array("/torrents *()-,=\\\"#\n 0123\u{e9}roxfsid".utf8)
        for _ in 0..<20000 {
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            _ = try? ExportFile.parse(
                Array("/torrents ".utf8) + bytes,
                file: "x",
                resolve: { _ in [] }
            )
            _ = try? ExportFile.parse(bytes, file: "x", resolve: { _ in [] })
        }
    }

    @Test func everyLineOfTheExampleIsGood() throws {
        let url = #filePath.replacing(
            "Tests/NFSExposureTests/ExportFileTests.swift",
            with: "exports.example"
        )
        let file = try parse(try readFile(url))
        #expect(
            file.table.exports.map(\.path) == [
                "/media", "/torrents", "/torrents/TV shows", "/torrents/kids", "/torrents/movies",
                "/torrents/music",
            ]
        )
        #expect(file.table.exports[2].fsid == 42)
        #expect(file.table.exports[2].rules.count == 2)
        #expect(file.notices.map(\.message) == ["accepted without effect: sync, no_subtree_check"])
    }
}

extension Export {
    /// Of a client that has no name.
    func options(for address: IPAddress) -> ExportOptions? {
        options(for: ClientHost(address: address))
    }

    func options(for address: IPAddress, port: Int) -> ExportOptions? {
        options(for: ClientHost(address: address), port: port)
    }
}

/// A small seeded generator, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
