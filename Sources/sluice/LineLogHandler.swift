import Foundation
import Logging

/// Writes each message as one line: time, level, text, then what is known about it.
///
/// A message of several lines is indented, so that a line that begins with a digit begins a message.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let known = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let line = Self.line(
            time: Date.now.formatted(.iso8601),
            level: event.level,
            message: "\(event.message)",
            metadata: known
        )
        FileHandle.standardError.write(Data(line.utf8))
    }

    static func line(
        time: String,
        level: Logger.Level,
        message: String,
        metadata: Logger.Metadata
    ) -> String {
        let text = message.split(separator: "\n").joined(separator: "\n    ")
        let facts = metadata.sorted { $0.key < $1.key }.map {
            " \($0.key)=\(quoted("\($0.value)"))"
        }
        let level = level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
        return "\(time) \(level)\(text)\(facts.joined())\n"
    }

    /// What a stranger named (a file, a peer's client) must not look like a line or a fact of ours.
    private static func quoted(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 }
        return isPlain && !value.isEmpty ? value : value.debugDescription
    }
}
