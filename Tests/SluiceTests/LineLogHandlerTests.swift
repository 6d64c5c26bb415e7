import Logging
import Testing

@testable import sluice

@Suite struct LineLogHandlerTests {
    func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> String {
        LineLogHandler.line(
            time: "2025-01-01T00:00:00Z",
            level: .warning,
            message: message,
            metadata: metadata
        )
    }

    @Test func writesTextThenFacts() {
        #expect(
            line("banned", ["piece": "7", "peer": "10.0.0.1:5"])
                == "2025-01-01T00:00:00Z warning banned peer=10.0.0.1:5 piece=7\n"
        )
    }

    @Test func nobodyElseWritesALine() {
        let text = line("a\n2025 error", ["client": "x\ny=\"1\"", "name": ""])
        #expect(
            text == "2025-01-01T00:00:00Z warning a\n    2025 error client=\"x\\ny=\\\"1\\\"\" "
                + "name=\"\"\n"
        )
    }
}
