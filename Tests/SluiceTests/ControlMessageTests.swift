import NIOCore
import Testing

@testable import sluice

@Suite struct ControlMessageTests {
    private static let replies: [ControlReply] = [
        .line("films/ü: 1 piece\tdamaged\n"), .progress("12 %"), .failure(""), .end(exitCode: 1),
    ]

    @Test func messagesSurviveTheWay() throws {
        var lines = ControlLines()
        let request = ControlRequest(command: "verify", arguments: ["films/a b", ""])
        lines.append(try ControlLines.line(request))
        #expect(try lines.next(ControlRequest.self) == request)
        for reply in Self.replies { lines.append(try ControlLines.line(reply)) }
        for reply in Self.replies { #expect(try lines.next(ControlReply.self) == reply) }
        #expect(try lines.next(ControlReply.self) == nil)
    }

    @Test func linesMayComeByteByByte() throws {
        var lines = ControlLines()
        var come: [ControlReply] = []
        for reply in Self.replies {
            for byte in try ControlLines.line(reply).readableBytesView {
                lines.append(ByteBuffer(bytes: [byte]))
                if let reply = try lines.next(ControlReply.self) { come.append(reply) }
            }
        }
        #expect(come == Self.replies)
    }

    @Test func aLineWithoutAnEndIsRefused() {
        var lines = ControlLines()
        lines.append(ByteBuffer(repeating: 0x20, count: ControlLines.maximumByteCount + 1))
        #expect(throws: ControlLines.TooLong.self) { try lines.next(ControlRequest.self) }
    }

    @Test(arguments: ["", "{}", "[]", "{\"command\":1}", "verify", "\u{0}"])
    func whatIsNoRequestIsRefused(_ text: String) {
        var lines = ControlLines()
        lines.append(ByteBuffer(string: text + "\n"))
        #expect(throws: (any Error).self) { try lines.next(ControlRequest.self) }
    }
}
