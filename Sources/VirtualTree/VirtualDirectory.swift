/// One line of a listing.
///
/// The cookie belongs to the entry and never to its position.
package struct DirectoryEntry: Sendable {
    /// Strictly ascending within a listing, at least 3, below 2^31.
    package let cookie: UInt64
    package let name: [UInt8]
    /// What the entry leads to; not the object itself, which a listing does not need.
    package let id: FileID
    package let attributes: FileAttributes

    package init(cookie: UInt64, name: [UInt8], id: FileID, attributes: FileAttributes) {
        self.cookie = cookie
        self.name = name
        self.id = id
        self.attributes = attributes
    }
}

package protocol VirtualDirectory: Sendable {
    var id: FileID { get }
    var attributes: FileAttributes { get }
    /// Itself for the root.
    var parent: any VirtualDirectory { get }

    /// - Returns: `nil` if there is no such entry. Names are bytes, compared exactly.
    func entry(named name: [UInt8]) -> VirtualNode?

    /// Calls `body` for the entries whose cookies are greater than `cookie`, in cookie order, until
    /// it returns `false`.
    ///
    /// - Returns: whether `body` took the last one.
    func forEachEntry(after cookie: UInt64, _ body: (DirectoryEntry) -> Bool) -> Bool
}

extension VirtualDirectory {
    /// Up to `limit` entries whose cookies are greater than `cookie`, in cookie order.
    package func entries(after cookie: UInt64, limit: Int) -> [DirectoryEntry] {
        var entries: [DirectoryEntry] = []
        _ = forEachEntry(after: cookie) { entry in
            guard entries.count < limit else { return false }
            entries.append(entry)
            return true
        }
        return entries
    }
}
