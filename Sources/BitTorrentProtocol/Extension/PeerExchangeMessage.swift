import Bencode

/// A message of `ut_pex` (BEP 11): with whom the sender is connected since, and no longer.
package struct PeerExchangeMessage: Equatable, Sendable {
    /// Peers added, and peers dropped, that one message sends (BEP 11).
    package static let maximumSentCount = 50
    /// Peers that are taken from each list of a message: twice what BEP 11 allows.
    package static let maximumReceivedCount = 100
    private static let limits = BencodeLimits(byteCount: 64 * 1024, depth: 8, valueCount: 100)

    /// `added.f`.
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let prefersEncryption = Self(rawValue: 0x01)
        /// It has the whole torrent, or wants no data (BEP 21).
        package static let uploadOnly = Self(rawValue: 0x02)
        package static let supportsUTP = Self(rawValue: 0x04)
        package static let supportsHolepunch = Self(rawValue: 0x08)
        /// The sender has connected to it, so that it can be dialled.
        package static let reachable = Self(rawValue: 0x10)
    }

    package struct Peer: Hashable, Sendable {
        package let address: PeerAddress
        package let flags: Flags

        package init(address: PeerAddress, flags: Flags = []) {
            self.address = address
            self.flags = flags
        }
    }

    package var added: [Peer]
    package var dropped: [PeerAddress]

    package init(added: [Peer] = [], dropped: [PeerAddress] = []) {
        self.added = added
        self.dropped = dropped
    }

    /// IPv4 first, then IPv6; addresses that cannot be dialled (port 0) are left out.
    package init(decoding payload: [UInt8]) throws(ExtensionError) {
        let value = try ExtensionError.dictionary(payload, limits: Self.limits)
        let ipv4 = PeerAddress.compactIPv4ByteCount
        let ipv6 = PeerAddress.compactIPv6ByteCount
        added =
            try Self.peers(value, key: "added", stride: ipv4)
            + Self.peers(value, key: "added6", stride: ipv6)
        dropped =
            try Self.peers(value, key: "dropped", stride: ipv4).map(\.address)
            + Self.peers(value, key: "dropped6", stride: ipv6).map(\.address)
    }

    private static func peers(
        _ value: BencodeValue,
        key: String,
        stride byteCount: Int
    ) throws(ExtensionError) -> [Peer] {
        guard let entry = value[key] else { return [] }
        guard let bytes = entry.string, bytes.count % byteCount == 0 else {
            throw .malformed(key: key)
        }
        let flags = value[key + ".f"]?.string ?? []
        var peers: [Peer] = []
        for number in 0..<min(bytes.count / byteCount, maximumReceivedCount) {
            let start = bytes.startIndex + number * byteCount
            guard let address = PeerAddress(compact: bytes[start..<start + byteCount]) else {
                continue
            }
            let flag = number < flags.count ? flags[flags.startIndex + number] : 0
            peers.append(Peer(address: address, flags: Flags(rawValue: flag)))
        }
        return peers
    }

    /// Writes the first 50 peers added and the first 50 dropped.
    package func encode() -> [UInt8] {
        var item: BencodeItem = [:]
        let added = added.prefix(Self.maximumSentCount)
        let dropped = dropped.prefix(Self.maximumSentCount)
        for isIPv6 in [false, true] {
            let suffix = isIPv6 ? "6" : ""
            let peers = added.filter { $0.address.isIPv6 == isIPv6 }
            if !peers.isEmpty {
                item.set("added" + suffix, to: .string(peers.flatMap(\.address.compact)))
                item.set("added" + suffix + ".f", to: .string(peers.map(\.flags.rawValue)))
            }
            let gone = dropped.filter { $0.isIPv6 == isIPv6 }
            if !gone.isEmpty { item.set("dropped" + suffix, to: .string(gone.flatMap(\.compact))) }
        }
        return BencodeEncoder.encode(item)
    }
}
