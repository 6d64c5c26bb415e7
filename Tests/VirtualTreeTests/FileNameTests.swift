import Testing
import VirtualTree

@Suite struct FileNameTests {
    func component(_ raw: String) -> String? {
        FileName.component(Array(raw.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: ["film.mkv", ".hidden", "Größe – ж.txt", " leading", "a:b", "..a", "C:x"])
    func keepsWhatIsValid(name: String) {
        #expect(component(name) == name)
    }

    @Test(arguments: ["", ".", "..", "C:", "z:"])
    func dropsWhatMeansNoLevel(name: String) {
        #expect(component(name) == nil)
    }

    @Test(arguments: [
        ("a/b", "a_b"), ("..\\..\\x", ".._.._x"), ("a\u{0}b", "ab"), ("\u{202E}gpj.exe", "gpj.exe"),
        ("end. . ", "end"), ("\u{0}..", "_"), ("...", "_"), ("\u{7F}\u{85}", "_"), ("/", "_"),
    ])
    func changesWhatIsDangerous(raw: String, safe: String) {
        #expect(component(raw) == safe)
    }

    @Test func replacesInvalidUTF8() {
        #expect(FileName.component([0x61, 0xFF, 0x62]) == Array("a_b".utf8))
    }

    @Test func cutsLongNamesAtACharacterAndKeepsTheExtension() throws {
        let name = try #require(component(String(repeating: "é", count: 300) + ".mkv"))
        #expect(name.utf8.count <= 255 && name.utf8.count >= 254)
        #expect(name.hasSuffix("é.mkv"))
        #expect(!name.contains("\u{FFFD}"))
        let plain = try #require(component(String(repeating: "x", count: 256)))
        #expect(plain.utf8.count == 255)
    }

    @Test(arguments: [
        ("bar.txt", "bar (2).txt"), ("bar", "bar (2)"), (".profile", ".profile (2)"),
        ("Mr. Robot", "Mr. Robot (2)"), ("a.tar.gz", "a.tar (2).gz"),
    ])
    func marksBeforeTheExtension(name: String, marked: String) {
        #expect(FileName.marked(Array(name.utf8), with: "2") == Array(marked.utf8))
    }

    @Test func markedNamesStillFit() {
        let long = [UInt8](repeating: 0x78, count: 251) + Array(".mkv".utf8)
        let marked = FileName.marked(long, with: "12")
        #expect(marked.count == 255)
        #expect(marked.suffix(9).elementsEqual(" (12).mkv".utf8))
    }

    @Test func anyBytesGiveAValidComponent() {
        var state: UInt64 = 1
        for _ in 0..<100_000 {
            var raw: [UInt8] = []
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            for _ in 0..<(state >> 33) % 24 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let byte = UInt8(truncatingIfNeeded: state >> 40)
                raw.append(byte % 5 == 0 ? [0x2E, 0x2F, 0x5C, 0, 0x20][Int(byte / 5) % 5] : byte)
            }
            guard let name = FileName.component(raw) else { continue }
            let isValid =
                !name.isEmpty && name.count <= 255 && !name.contains(0x2F) && !name.contains(0)
                && name != [0x2E] && name != [0x2E, 0x2E]
                && String(validating: name, as: UTF8.self) != nil
            #expect(isValid, "\(raw) gave \(name)")
        }
    }
}
