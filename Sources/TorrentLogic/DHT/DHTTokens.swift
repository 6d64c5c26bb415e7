package import BitTorrentProtocol

/// Tokens that nodes get with peers and must show when they announce (BEP 5).
package struct DHTTokens: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// A token is good for at least one such interval and at most two.
    package static let rotationInterval = Duration.seconds(5 * 60)
    private static let secretByteCount = 20

    private var current: [UInt8]
    private var previous: [UInt8]?
    private var rotated: Instant

    package init(now: Instant, using generator: inout some RandomNumberGenerator) {
        current = Self.secret(using: &generator)
        rotated = now
    }

    package mutating func rotate(now: Instant, using generator: inout some RandomNumberGenerator) {
        guard rotated.advanced(by: Self.rotationInterval) <= now else { return }
        // After a long pause the old secret is too old as well.
        previous = rotated.advanced(by: Self.rotationInterval * 2) <= now ? nil : current
        current = Self.secret(using: &generator)
        rotated = now
    }

    package func token(for address: PeerAddress) -> [UInt8] {
        DHTToken(host: address.host, secret: current).bytes
    }

    package func isValid(_ token: [UInt8], for address: PeerAddress) -> Bool {
        let host = address.host
        return token == DHTToken(host: host, secret: current).bytes
            || previous.map { token == DHTToken(host: host, secret: $0).bytes } ?? false
    }

    private static func secret(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        (0..<secretByteCount).map { _ in .random(in: .min ... .max, using: &generator) }
    }
}
