/// A packet between DHT nodes (BEP 5).
package struct KRPCMessage: Equatable, Sendable {
    /// Bytes of a packet that are read; more is dropped.
    package static let maximumByteCount = 4096
    /// Bytes of a transaction id or a token that are echoed.
    package static let maximumEchoByteCount = 64

    package enum Body: Equatable, Sendable {
        case query(KRPCQuery)
        case response(KRPCResponse)
        case error(code: Int, text: String)
    }

    /// `t`: chosen by who asks, repeated by who answers.
    package var transactionID: [UInt8]
    package var body: Body
    /// `v`: client and version, 4 bytes as a rule.
    package var version: [UInt8]?
    /// `ip` (BEP 42): the receiver as the sender sees it.
    package var receiver: PeerAddress?

    package init(
        transactionID: [UInt8],
        body: Body,
        version: [UInt8]? = nil,
        receiver: PeerAddress? = nil
    ) {
        self.transactionID = transactionID
        self.body = body
        self.version = version
        self.receiver = receiver
    }
}

/// A question to a DHT node.
package struct KRPCQuery: Equatable, Sendable {
    package enum Method: Equatable, Sendable {
        case ping
        case findNode(target: NodeID)
        case getPeers(InfoHash, options: GetPeersOptions)
        case announcePeer(Announcement)
        /// A method that this program does not know; it is answered with an error (BEP 5).
        case unknown(name: String)
    }

    /// BEP 33.
    package struct GetPeersOptions: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The seeds need not be named.
        package static let excludesSeeds = Self(rawValue: 1)
        /// Bloom filters are wanted instead of peers.
        package static let scrape = Self(rawValue: 2)
    }

    package struct Announcement: Equatable, Sendable {
        package var infoHash: InfoHash
        /// The TCP port, or `nil` for the port that the packet comes from (`implied_port`).
        package var port: UInt16?
        /// From an earlier answer of the node that is asked.
        package var token: [UInt8]
        /// BEP 33.
        package var isSeed: Bool

        package init(infoHash: InfoHash, port: UInt16?, token: [UInt8], isSeed: Bool = false) {
            self.infoHash = infoHash
            self.port = port
            self.token = token
            self.isSeed = isSeed
        }
    }

    /// `want` (BEP 32): the kinds of nodes that the answer should name; empty if not said.
    package struct Families: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let ipv4 = Self(rawValue: 1)
        package static let ipv6 = Self(rawValue: 2)
    }

    package var sender: NodeID
    package var method: Method
    package var wants: Families
    /// `ro` (BEP 43): the sender answers nobody, and belongs in no table.
    package var isReadOnly: Bool

    package init(
        sender: NodeID,
        method: Method,
        wants: Families = [],
        isReadOnly: Bool = false
    ) {
        self.sender = sender
        self.method = method
        self.wants = wants
        self.isReadOnly = isReadOnly
    }
}

/// An answer of a DHT node.
package struct KRPCResponse: Equatable, Sendable {
    package var sender: NodeID
    /// `nodes` (BEP 5) and `nodes6` (BEP 32); `nil` where the key is not there.
    package var nodes: [NodeContact]?
    package var nodes6: [NodeContact]?
    /// `values`: peers, of both families.
    package var peers: [PeerAddress]?
    /// What an announce to this node must show.
    package var token: [UInt8]?
    /// `BFsd` and `BFpe` (BEP 33).
    package var seedFilter: BloomFilter?
    package var leecherFilter: BloomFilter?

    package init(sender: NodeID) { self.sender = sender }
}

/// The codes of BEP 5.
package enum KRPCErrorCode {
    package static let generic = 201
    package static let server = 202
    package static let malformed = 203
    package static let unknownMethod = 204
}
