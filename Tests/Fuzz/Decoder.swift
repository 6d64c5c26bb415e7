import TestSupport

/// Something that reads bytes which strangers send.
struct Decoder: Sendable {
    /// What it accepted is not what it promises.
    struct BrokenPromise: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    let name: String
    /// Good input, which is damaged in turn.
    let samples: [[UInt8]]
    /// The bytes that mean something to the decoder: every other input is damaged with these alone.
    let alphabet: [UInt8]
    /// Decodes one input; the generator is for where to cut it.
    ///
    /// - Returns: whether the input was accepted.
    /// - Throws: `BrokenPromise`.
    let decode: @Sendable ([UInt8], inout Mutator) throws -> Bool

    init(
        _ name: String,
        samples: [[UInt8]],
        alphabet: String = "",
        decode: @escaping @Sendable ([UInt8], inout Mutator) throws -> Bool
    ) {
        self.name = name
        self.samples = samples
        self.alphabet = Array(alphabet.utf8)
        self.decode = decode
    }

    /// One whose values, written again, must read as the same value.
    init<Value: Equatable & SendableMetatype>(
        _ name: String,
        samples: [[UInt8]],
        alphabet: String = "",
        read: @escaping @Sendable ([UInt8]) throws -> Value?,
        write: @escaping @Sendable (Value) -> [UInt8]
    ) {
        self.init(name, samples: samples, alphabet: alphabet) { bytes, _ in
            guard let value = try? read(bytes) else { return false }
            guard try read(write(value)) == value else {
                throw BrokenPromise("written again it reads as another value")
            }
            return true
        }
    }

    static let all: [Decoder] =
        metainfoDecoders + peerDecoders + discoveryDecoders + gatewayDecoders
        + remoteCallDecoders + servedCalls

    static let bencodeAlphabet = "deil:0123456789-"
}

/// A promise of a decoder that must hold for everything it accepts.
func promise(_ isKept: Bool, _ what: @autoclosure () -> String) throws {
    guard isKept else { throw Decoder.BrokenPromise(what()) }
}
