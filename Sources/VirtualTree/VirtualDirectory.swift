/// One line of a listing, without its name.
///
/// The cookie belongs to the entry and never to its position.
package struct DirectoryEntry: Sendable {
    /// Strictly ascending within a listing, at least 3, below 2^31.
    package let cookie: UInt64
    /// What the entry leads to; not the object itself, which a listing does not need.
    package let id: FileID
    package let attributes: FileAttributes

    package init(cookie: UInt64, id: FileID, attributes: FileAttributes) {
        self.cookie = cookie
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
    /// - Parameter body: is lent the name where the directory keeps it, so that a listing copies none.
    /// - Returns: whether `body` took the last one.
    func forEachEntry(
        after cookie: UInt64,
        _ body: (_ name: Span<UInt8>, DirectoryEntry) -> Bool
    ) -> Bool
}

extension [UInt8] {
    /// A copy of what is lent.
    package init(_ span: Span<UInt8>) {
        self = span.withUnsafeBufferPointer { Array($0) }
    }
}
