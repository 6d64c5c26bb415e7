/// Who reads: one client (an address, as a hash) in one file.
///
/// NFS has no open, so this is all that
/// tells two readers apart.
package struct ReaderID: Hashable, Sendable {
    package let client: UInt64
    package let file: UInt32

    package init(client: UInt64, file: UInt32) {
        self.client = client
        self.file = file
    }
}
