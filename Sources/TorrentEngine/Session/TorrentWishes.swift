/// What the user wishes of a torrent beyond being there to be read.
package struct TorrentWishes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// At work and announced though nobody reads, until it has seeded enough.
    package static let seed = Self(rawValue: 1)
    /// Fetched whole in the background.
    package static let pin = Self(rawValue: 2)
}
