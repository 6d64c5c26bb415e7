import NFSExposure
import Testing

@Suite struct HostPatternTests {
    @Test(arguments: [
        ("*.example.org", "a.example.org", true),
        ("*.example.org", "a.b.example.org", true),
        ("*.example.org", "example.org", false),
        ("*.example.org", "a.example.org.evil.net", false),
        ("*.EXAMPLE.org", "A.Example.ORG", true),
        ("node?", "node7", true),
        ("node?", "node", false),
        ("node?", "node77", false),
        ("node[1-3x].lan", "node2.lan", true),
        ("node[1-3x].lan", "nodex.lan", true),
        ("node[1-3x].lan", "node4.lan", false),
        ("node[!1-3].lan", "node4.lan", true),
        ("node[^1-3].lan", "node2.lan", false),
        ("[a-].lan", "-.lan", true),
        ("*", "anything", true),
        ("*a*b*", "xxaxxbxx", true),
        ("*a*b*", "xxbxxaxx", false),
        ("a*", "", false),
        ("**", "", true),
    ])
    func matches(pattern: String, name: String, expected: Bool) throws {
        let pattern = try #require(HostPattern(pattern))
        #expect(pattern.matches(name) == expected)
    }

    @Test(arguments: ["plain.lan", "", "a b*", "[", "[]", "[!]", "[b-a]", "[a", "a/*", "*\u{e4}"])
    func isNoPattern(text: String) {
        #expect(HostPattern(text) == nil)
    }

    /// Whoever goes back to every run of it is busy for years.
    @Test(.timeLimit(.minutes(1))) func takesItsTimeOverNoPattern() throws {
        let pattern = try #require(HostPattern(String(repeating: "*a", count: 60) + "b"))
        #expect(!pattern.matches(String(repeating: "a", count: 253)))
    }
}
