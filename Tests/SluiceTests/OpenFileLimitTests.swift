import NFSExposure
import Testing

@testable import sluice

@Suite struct OpenFileLimitTests {
    @Test func leavesDescriptorsToEverybodyElse() {
        #expect(OpenFileLimit.clients(of: 1 << 20, beside: 500) == NFSLimits().connections)
        #expect(OpenFileLimit.clients(of: 4096, beside: 500) == 4096 - 500 - OpenFileLimit.reserve)
        #expect(OpenFileLimit.clients(of: 1024, beside: 500) == OpenFileLimit.leastClients)
    }
}
