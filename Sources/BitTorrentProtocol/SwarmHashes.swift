/// The hashes by which peers, trackers and the DHT know a torrent (BEP 52).
///
/// A hybrid torrent has two swarms. A handshake under the hash of v1 may end under that of v2, if
/// both sides can; on such a connection, and on no other, the messages of v2 are spoken.
package struct SwarmHashes: Hashable, Sendable {
    package let version1: InfoHash?
    /// The SHA-256, cut.
    package let version2: InfoHash?

    /// - Precondition: there is one at least.
    package init(version1: InfoHash?, version2: InfoHash?) {
        precondition(version1 != nil || version2 != nil)
        self.version1 = version1
        self.version2 = version2
    }

    /// The hashes of a torrent with this identity.
    package init(of identity: InfoHash, _ version2Hash: Version2InfoHash?) {
        let version2 = version2Hash?.truncated
        self.init(version1: version2 == identity ? nil : identity, version2: version2)
    }

    /// One or two; the first is the torrent's identity.
    package var all: [InfoHash] { [version1, version2].compactMap(\.self) }

    package var isHybrid: Bool { version1 != nil && version2 != nil }

    /// What a handshake says of this: that it may end under the hash of v2.
    package var capabilities: PeerCapabilities { isHybrid ? .version2 : [] }

    /// The hash with which to answer a handshake.
    package func answer(to asked: InfoHash, from capabilities: PeerCapabilities) -> InfoHash {
        guard asked == version1, let version2, capabilities.contains(.version2) else {
            return asked
        }
        return version2
    }

    /// Whether a peer may answer with `answer` to a handshake under `asked`.
    package func accepts(_ answer: InfoHash, to asked: InfoHash) -> Bool {
        answer == asked || (asked == version1 && answer == version2)
    }

    /// Whether the messages of v2 are spoken on a connection that ended under `hash`.
    package func speaksVersion2(under hash: InfoHash) -> Bool { hash == version2 }
}
