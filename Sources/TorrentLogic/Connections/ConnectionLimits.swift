/// Every number that bounds the connections of all torrents together, in one place.
package struct ConnectionLimits: Equatable, Sendable {
    /// Connections whose handshake is done.
    package var maximum = 500
    /// Dials that have neither connected nor failed.
    package var halfOpen = 60
    /// Dials begun in a second, after a first volley of `dialVolley`.
    package var dialsPerSecond = 20
    /// Incoming connections from one public address, behind which there may be several peers (NAT).
    ///
    /// From a private one there may be any number.
    package var incomingPerHost = 3

    /// Enough for a reader who has just come.
    package static let dialVolley = 30
    /// Incoming connections whose handshake is not done; one at most from a public address.
    package static let unidentified = 50

    package init() {}
}
