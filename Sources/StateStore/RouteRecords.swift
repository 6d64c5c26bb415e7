package import BitTorrentProtocol

/// What must outlive the program about a route, or about the root, whose name is empty.
///
/// A row is never deleted: a number that clients may hold on to is never given to something else.
package struct RouteRecord: Equatable, Sendable {
    package let name: [UInt8]
    /// What clients know its place in the root by (cookie3); no other route has had it.
    package let cookie: UInt32
    /// When entries last came or went: seconds since 1970 and nanoseconds.
    package var modifiedSeconds: UInt32
    package var modifiedNanoseconds: UInt32
    package var isShown: Bool

    package init(
        name: [UInt8],
        cookie: UInt32,
        modifiedSeconds: UInt32,
        modifiedNanoseconds: UInt32,
        isShown: Bool
    ) {
        self.name = name
        self.cookie = cookie
        self.modifiedSeconds = modifiedSeconds
        self.modifiedNanoseconds = modifiedNanoseconds
        self.isShown = isShown
    }
}

/// What must outlive the program about a torrent in a route; never deleted either.
package struct RouteEntryRecord: Equatable, Sendable {
    package let route: [UInt8]
    package let infoHash: InfoHash
    /// What clients know its place in the route by (cookie3); no other torrent of it has had it.
    package let cookie: UInt32
    /// The name that was given when it first appeared, or when it gave that to another version.
    package var name: [UInt8]
    /// First appearance, seconds since 1970.
    package let added: UInt32
    package var isShown: Bool

    package init(
        route: [UInt8],
        infoHash: InfoHash,
        cookie: UInt32,
        name: [UInt8],
        added: UInt32,
        isShown: Bool
    ) {
        self.route = route
        self.infoHash = infoHash
        self.cookie = cookie
        self.name = name
        self.added = added
        self.isShown = isShown
    }
}
