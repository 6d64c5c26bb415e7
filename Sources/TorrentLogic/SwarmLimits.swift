/// Every number that bounds a `Swarm`, in one place.
package struct SwarmLimits: Sendable {
    /// Connections, incoming ones included.
    package var maximumPeers = 50
    /// Peers at one public address, behind which there may be several (NAT), but hardly many.
    package var maximumPeersPerHost = 3
    /// Dials that have neither connected nor failed.
    package var maximumHalfOpen = 30
    /// Addresses remembered but not connected.
    package var maximumKnownAddresses = 1000
    /// Until an address that failed once is dialled again: a peer that has not noticed the end of
    /// an earlier connection turns the next one away.
    package var firstRetry = Duration.seconds(3)
    /// Back-off of an address that failed again; doubles up to `maximumBackoff`.
    package var initialBackoff = Duration.seconds(15)
    package var maximumBackoff = Duration.seconds(3600)

    /// Requests in flight to one peer that does not say how many it keeps waiting.
    ///
    /// Clients drop what exceeds their own queue; 250 is the
    /// smallest queue that is common.
    package var maximumPipelineDepth = 250
    /// Requests in flight to one peer, however many it says it keeps waiting (`reqq`, BEP 10).
    package var maximumStatedPipelineDepth = 2000
    /// A peer that rejected a request gets no other for so long.
    package var rejectRest = Duration.seconds(1)
    /// A peer that probably sent wrong blocks gets no request for so long.
    package var liarRest = Duration.seconds(3)
    /// A peer that owes blocks and sends none for so long is snubbed: its blocks go back.
    package var snubPatience = Duration.seconds(8)
    /// Bytes of pieces that are begun and not verified yet, if that is enough for four pieces.
    ///
    /// As much as a fast peer has in flight (`maximumStatedPipelineDepth`): what has come waits for
    /// the disk alone, and more would only fill memory.
    package var usualUnverifiedByteCount: UInt64 = 32 << 20
    /// The same, however long the pieces are.
    package var maximumUnverifiedByteCount: UInt64 = 64 << 20
    /// Bytes a peer may send that nobody asked it for, before it is closed.
    package var maximumUnsolicitedByteCount: UInt64 = 1 << 20

    /// Peers unchoked at a time, the optimistic one included.
    package var uploadSlots = 8
    /// Requests of one peer that wait to be served (our `reqq`); more are ignored, or rejected.
    package var maximumQueuedRequests = 2000
    /// Blocks given to the owner for one peer and not reported `served`.
    package var maximumServesInFlight = 32
    /// Longest block that is served.
    package var maximumServedLength: UInt32 = 128 << 10

    /// Pieces that a peer with fewer may request while choked (BEP 6).
    package var alwaysAllowedPieceCount = 10

    package var keepAliveInterval = Duration.seconds(100)
    package var silenceTimeout = Duration.seconds(240)
    /// Interest outlives the last demand by so long (a player that pauses is not a goodbye).
    package var interestLinger = Duration.seconds(600)

    package init() {}

    /// Bytes of pieces that may be begun and not verified.
    func unverifiedByteCount(ofPieces length: UInt32) -> UInt64 {
        min(maximumUnverifiedByteCount, max(usualUnverifiedByteCount, 4 * UInt64(length)))
    }
}
