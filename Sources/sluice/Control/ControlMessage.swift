import Foundation
import NIOCore

/// What a command asks of the server that runs: the only line that it sends.
///
/// Lines of JSON go over a socket in the state directory, one object each. The server answers with
/// ``ControlReply`` until one of them is the end, and closes.
struct ControlRequest: Codable, Equatable, Sendable {
    /// As on the command line: `verify`.
    var command: String
    var arguments: [String] = []
}

/// A part of the answer to a command.
enum ControlReply: Equatable, Sendable {
    /// A line for the standard output.
    case line(String)
    /// How far it is, in place of what was said of that before.
    case progress(String)
    /// The end: it could not be done.
    case failure(String)
    /// The end, with the exit code of the command.
    case end(exitCode: Int32)
}

/// Takes the parts of an answer as they come.
typealias ControlOutput = @Sendable (ControlReply) async throws -> Void

extension ControlReply: Codable {
    private enum Key: String, CodingKey {
        case line, progress, failure
        case exitCode = "exit_code"
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        if let text = try values.decodeIfPresent(String.self, forKey: .line) {
            self = .line(text)
        } else if let text = try values.decodeIfPresent(String.self, forKey: .progress) {
            self = .progress(text)
        } else if let text = try values.decodeIfPresent(String.self, forKey: .failure) {
            self = .failure(text)
        } else {
            self = .end(exitCode: try values.decode(Int32.self, forKey: .exitCode))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        switch self {
        case .line(let text): try values.encode(text, forKey: .line)
        case .progress(let text): try values.encode(text, forKey: .progress)
        case .failure(let text): try values.encode(text, forKey: .failure)
        case .end(let exitCode): try values.encode(exitCode, forKey: .exitCode)
        }
    }
}

/// Lines taken out of a stream of bytes, of which none is long.
struct ControlLines {
    struct TooLong: Error, CustomStringConvertible {
        var description: String { "a line has more than \(maximumByteCount) bytes" }
    }

    static let maximumByteCount = 1 << 20

    private var buffer = ByteBuffer()

    mutating func append(_ bytes: ByteBuffer) { buffer.writeImmutableBuffer(bytes) }

    /// The next whole line, as a message; `nil` if more bytes have to come first.
    ///
    /// - Throws: if it is too long, or no such message.
    mutating func next<Message: Decodable>(_ message: Message.Type) throws -> Message? {
        let view = buffer.readableBytesView
        let end = view.prefix(Self.maximumByteCount + 1).firstIndex(of: UInt8(ascii: "\n"))
        guard let end else {
            guard view.count <= Self.maximumByteCount else { throw TooLong() }
            return nil
        }
        let line = buffer.readSlice(length: end - view.startIndex)?.readableBytesView
        buffer.moveReaderIndex(forwardBy: 1)
        buffer.discardReadBytes()
        return try JSONDecoder().decode(message, from: Data(line ?? ByteBufferView()))
    }

    /// A message as a line.
    static func line(_ message: some Encodable) throws -> ByteBuffer {
        var buffer = ByteBuffer(bytes: try JSONEncoder().encode(message))
        buffer.writeInteger(UInt8(ascii: "\n"))
        return buffer
    }
}
