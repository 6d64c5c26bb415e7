package import NIOCore

/// The first 68 bytes that each peer sends (BEP 3).
package struct Handshake: Equatable, Sendable {
    package static let byteCount = 68

    /// A length byte and the name.
    private static let protocolString: [UInt8] = [19] + Array("BitTorrent protocol".utf8)
    private static let infoHashOffset = protocolString.count + 8

    package let capabilities: PeerCapabilities
    package let infoHash: InfoHash
    package let peerID: PeerID

    package init(capabilities: PeerCapabilities, infoHash: InfoHash, peerID: PeerID) {
        self.capabilities = capabilities
        self.infoHash = infoHash
        self.peerID = peerID
    }

    /// Takes a handshake off the front of `buffer`.
    ///
    /// - Returns: `nil`, and leaves the buffer, while bytes are missing.
    /// - Throws: at the first byte that differs from the protocol string.
    package init?(consuming buffer: inout ByteBuffer) throws(PeerWireError) {
        try Self.checkProtocolString(of: buffer)
        guard buffer.readableBytes >= Self.byteCount else { return nil }
        buffer.moveReaderIndex(forwardBy: Self.protocolString.count)
        guard let bits = buffer.readInteger(as: UInt64.self),
            let hash = buffer.readSlice(length: InfoHash.byteCount),
            let infoHash = InfoHash(bytes: hash.readableBytesView),
            let id = buffer.readBytes(length: PeerID.byteCount), let peerID = PeerID(bytes: id)
        else { return nil }
        self.init(
            capabilities: PeerCapabilities(rawValue: bits),
            infoHash: infoHash,
            peerID: peerID
        )
    }

    /// The part of a handshake that is enough to answer it.
    package struct Opening: Equatable, Sendable {
        package let capabilities: PeerCapabilities
        package let infoHash: InfoHash
    }

    /// What the peer can do and the torrent that it wants, known 20 bytes before the handshake is
    /// complete.
    ///
    /// An accepted connection answers then (BEP 3). Leaves the buffer as it is.
    ///
    /// - Returns: `nil` while bytes are missing.
    package static func opening(
        in buffer: ByteBuffer
    ) throws(PeerWireError) -> Opening? {
        try checkProtocolString(of: buffer)
        let start = buffer.readerIndex + infoHashOffset
        guard let hash = buffer.getSlice(at: start, length: InfoHash.byteCount),
            let infoHash = InfoHash(bytes: hash.readableBytesView),
            let bits = buffer.getInteger(at: start - 8, as: UInt64.self)
        else { return nil }
        return Opening(capabilities: PeerCapabilities(rawValue: bits), infoHash: infoHash)
    }

    package func encode(into buffer: inout ByteBuffer) {
        buffer.writeBytes(Self.protocolString)
        buffer.writeInteger(capabilities.rawValue)
        buffer.writeBytes(infoHash.bytes)
        buffer.writeBytes(peerID.bytes)
    }

    private static func checkProtocolString(of buffer: ByteBuffer) throws(PeerWireError) {
        for (offset, pair) in zip(buffer.readableBytesView, protocolString).enumerated()
        where pair.0 != pair.1 {
            throw .notBitTorrent(offset: offset)
        }
    }
}
