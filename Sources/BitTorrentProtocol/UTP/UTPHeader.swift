package import NIOCore

/// What precedes the payload of a uTP datagram (BEP 29, version 1).
package struct UTPHeader: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        case data
        /// The last one with a number of its own.
        case fin
        /// Acknowledges; has no number of its own.
        case state
        /// Ends the connection at once.
        case reset
        case syn
    }

    /// Bytes of a header without extensions.
    package static let byteCount = 20
    /// Extensions of one header that are looked at; a datagram with more is none.
    private static let maximumExtensionCount = 8
    private static let version: UInt8 = 1
    private static let selectiveAckExtension: UInt8 = 1

    package var kind: Kind
    package var connectionID: UInt16
    /// When it was sent, in microseconds by the sender's clock.
    package var timestamp: UInt32
    /// How long the last datagram of the receiver was under way, by two clocks that differ by a
    /// constant: microseconds.
    package var delay: UInt32
    /// Bytes beyond the acknowledged ones that the sender takes.
    package var window: UInt32
    package var sequence: UInt16
    /// The last number before which nothing is missing.
    package var acknowledged: UInt16
    package var selectiveAck: UTPSelectiveAck?

    package init(
        _ kind: Kind,
        connectionID: UInt16,
        timestamp: UInt32 = 0,
        delay: UInt32 = 0,
        window: UInt32 = 0,
        sequence: UInt16,
        acknowledged: UInt16,
        selectiveAck: UTPSelectiveAck? = nil
    ) {
        self.kind = kind
        self.connectionID = connectionID
        self.timestamp = timestamp
        self.delay = delay
        self.window = window
        self.sequence = sequence
        self.acknowledged = acknowledged
        self.selectiveAck = selectiveAck
    }

    // MARK: Coding

    /// Takes the header off a datagram; the rest is its payload.
    ///
    /// Extensions that are not known are skipped.
    ///
    /// - Returns: `nil` for anything that is no uTP datagram; UDP brings all kinds of things.
    package init?(consuming datagram: inout ByteBuffer) {
        typealias Fields = (UInt8, UInt8, UInt16, UInt32, UInt32, UInt32, UInt16, UInt16)
        var rest = datagram
        guard
            let fields: Fields = rest.readMultipleIntegers(),
            fields.0 & 0xf == Self.version, let kind = Kind(rawValue: fields.0 >> 4)
        else { return nil }
        self.kind = kind
        (connectionID, timestamp, delay) = (fields.2, fields.3, fields.4)
        (window, sequence, acknowledged) = (fields.5, fields.6, fields.7)
        var next = fields.1
        var count = 0
        while next != 0 {
            count += 1
            guard count <= Self.maximumExtensionCount,
                let (following, length) = rest.readMultipleIntegers(as: (UInt8, UInt8).self),
                let body = rest.readSlice(length: Int(length))
            else { return nil }
            if next == Self.selectiveAckExtension {
                selectiveAck = UTPSelectiveAck(decoding: body.readableBytesView)
            }
            next = following
        }
        datagram = rest
    }

    package func encode(into output: inout ByteBuffer) {
        output.writeMultipleIntegers(
            kind.rawValue << 4 | Self.version,
            selectiveAck == nil ? 0 : Self.selectiveAckExtension,
            connectionID,
            timestamp,
            delay,
            window,
            sequence,
            acknowledged
        )
        guard let selectiveAck else { return }
        output.writeMultipleIntegers(UInt8(0), UInt8(selectiveAck.bytes.count))
        output.writeBytes(selectiveAck.bytes)
    }
}
