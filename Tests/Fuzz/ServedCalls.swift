import Foundation
import TestSupport

// Whole calls, as clients were seen to send them, to a server that runs.
extension Decoder {
    static let servedCalls: [Decoder] = [
        served("NFS calls", .nfs, corpus: "nfs"),
        served("portmapper calls", .portmapper, corpus: "portmapper"),
    ]

    /// Recorded by `Tests/Integration/run test_capture --write-sessions`.
    private static let corpus = "Tests/Fuzz/Corpus"

    private static func served(
        _ name: String,
        _ service: ServedSession.Service,
        corpus: String
    ) -> Decoder {
        let calls = messages(of: "\(Self.corpus)/\(corpus).rpc").compactMap(CallParts.init)
        let session = Result { try ServedSession(service) }
        return Decoder(name, samples: calls.map(\.body)) { bytes, mutator in
            guard let call = calls.randomElement(using: &mutator) else { return false }
            // What is cut, or damaged in its head, comes no further than that: most keep their shape.
            let body = mutator.next() % 4 == 0 ? bytes : changeWords(of: call.body, &mutator)
            let message = CallParts(head: call.head, body: body).message
            let sent = mutator.next() % 8 == 0 ? mutator.mutate(message) : message
            return try session.get().send(sent, using: &mutator)
        }
    }

    /// Gives up to three words of XDR other values, those among them that mean too much or too little.
    private static func changeWords(of body: [UInt8], _ mutator: inout Mutator) -> [UInt8] {
        var body = body
        let values: [UInt32] = [0, 1, 2, 3, 7, 255, 4096, 1 << 20, .max / 2, .max - 3, .max]
        for _ in 0..<Int.random(in: 0...3, using: &mutator) where body.count >= 4 {
            let place = 4 * Int.random(in: 0..<body.count / 4, using: &mutator)
            let value = values.randomElement(using: &mutator) ?? 0
            withUnsafeBytes(of: value.bigEndian) {
                body.replaceSubrange(place..<place + 4, with: $0)
            }
        }
        return body
    }

    /// The records of a file; each is one fragment.
    private static func messages(of path: String) -> [[UInt8]] {
        guard let data = FileManager.default.contents(atPath: path) else {
            preconditionFailure("\(path) cannot be read; run this where the project is")
        }
        var rest = Array(data)[...]
        var messages: [[UInt8]] = []
        while rest.count >= 4 {
            let length = rest.prefix(4).dropFirst().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            messages.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return messages
    }
}

/// A call (RFC 5531 section 9), so taken apart that each part can be damaged by itself.
private struct CallParts {
    /// xid, kind and RPC version; credential and verifier.
    let head: [UInt8]
    /// Program, version and procedure; the arguments.
    let body: [UInt8]

    private static let beforeProgram = 12
    private static let programByteCount = 12

    init(head: [UInt8], body: [UInt8]) {
        self.head = head
        self.body = body
    }

    /// - Returns: `nil` for what is too short to be a call.
    init?(_ message: [UInt8]) {
        let credential = Self.beforeProgram + Self.programByteCount
        guard let verifier = Self.endOfOpaque(at: credential, in: message),
            let arguments = Self.endOfOpaque(at: verifier, in: message)
        else { return nil }
        head = Array(message[..<Self.beforeProgram] + message[credential..<arguments])
        body = Array(message[Self.beforeProgram..<credential] + message[arguments...])
    }

    var message: [UInt8] {
        Array(
            head.prefix(Self.beforeProgram) + body.prefix(Self.programByteCount)
                + head.dropFirst(Self.beforeProgram) + body.dropFirst(Self.programByteCount)
        )
    }

    /// Behind a flavor and its bytes.
    private static func endOfOpaque(at place: Int, in message: [UInt8]) -> Int? {
        guard place + 8 <= message.count else { return nil }
        let end = place + 8 + message[place + 4..<place + 8].reduce(0) { $0 << 8 | Int($1) }
        return end <= message.count ? end : nil
    }
}
