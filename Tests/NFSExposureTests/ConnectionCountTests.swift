import Testing

@testable import NFSExposure

@Suite struct ConnectionCountTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func admitsSoManyOfAllAndOfEach() throws {
        var count = ConnectionCount(limit: 5, perHost: 3)
        let (one, two) = (try address("10.0.0.1"), try address("10.0.0.2"))
        for _ in 0..<3 { #expect(count.admit(one) == nil) }
        #expect(count.admit(one) == .hostHasEnough)
        for _ in 0..<2 { #expect(count.admit(two) == nil) }
        #expect(count.admit(two) == .full)
        count.leave(one)
        #expect(count.admit(one) == nil)
        // Who is not there cannot leave.
        count.leave(try address("10.0.0.3"))
        #expect(count.admit(two) == .full)
    }

    @Test func takesANetworkOfIPv6ForOneHost() throws {
        var count = ConnectionCount(limit: 100, perHost: 2)
        #expect(count.admit(try address("2001:db8:0:1::1")) == nil)
        #expect(count.admit(try address("2001:db8:0:1:ffff::2")) == nil)
        #expect(count.admit(try address("2001:db8:0:1::3")) == .hostHasEnough)
        #expect(count.admit(try address("2001:db8:0:2::1")) == nil)
        #expect(count.admit(try address("::ffff:10.0.0.1")) == nil)
        #expect(count.admit(try address("10.0.0.1")) == nil)
        #expect(count.admit(try address("10.0.0.1")) == .hostHasEnough)
    }
}
