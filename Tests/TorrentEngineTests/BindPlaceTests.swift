import Testing

@testable import TorrentEngine

@Suite struct BindPlaceTests {
    @Test func readsAnInterfaceBehindTheAddress() {
        #expect(BindPlace("::%wg0").host == "::")
        #expect(BindPlace("::%wg0").interface == "wg0")
        #expect(BindPlace("0.0.0.0").interface == nil)
        for text in ["::%wg0", "0.0.0.0", "fe80::1%eth0.5"] {
            #expect(BindPlace(text).description == text)
        }
    }

    @Test(arguments: ["::", "0.0.0.0%eth0", "10.0.0.1%a", "::%fifteen-letters"])
    func acceptsWhatTheKernelWould(text: String) {
        #expect(BindPlace(text).isWellFormed)
    }

    @Test(arguments: [
        "", "%wg0", "::%", "host", "::%a b", "::%a/b", "::%sixteen-letters!", "1.2.3",
    ])
    func refusesAnythingElse(text: String) {
        #expect(!BindPlace(text).isWellFormed)
    }

    @Test func nothingLeavesByAnInterfaceThatIsNotThere() {
        #expect(BindPlace("::").sourceAddress == nil)
        #expect(BindPlace("::%lo").sourceAddress == "127.0.0.1")
        #expect(BindPlace("::%none").sourceAddress == "127.0.0.1")
    }
}
