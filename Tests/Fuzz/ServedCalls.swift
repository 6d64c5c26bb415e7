import Foundation

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
        let samples = messages(of: "\(Self.corpus)/\(corpus).rpc")
        let session = Result { try ServedSession(service) }
        return Decoder(name, samples: samples) { bytes, mutator in
            try session.get().send(bytes, using: &mutator)
        }
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
