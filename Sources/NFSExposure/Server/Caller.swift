import ONCRPC

/// One peer and what the exports allow it.
///
/// Confined to the loop of its connection.
final class Caller {
    /// An export as this peer sees it.
    ///
    /// A class, so that a READ that waits holds one reference and not a copy of the export.
    final class Access: Sendable {
        let export: Export
        let options: ExportOptions

        init(export: Export, options: ExportOptions) {
            self.export = export
            self.options = options
        }
    }

    enum Verdict {
        case allowed(Access)
        /// The export is there and not for this peer.
        case denied
        /// No such export, any more or ever.
        case unknown
    }

    let address: IPAddress
    let port: Int
    /// Names the reader to the tree: the same for all connections of one host.
    let client: UInt64

    private(set) var exports: ExportTable
    /// With the names that it had when it connected, or when the exports were published.
    private(set) var host: ClientHost
    private var generation: Int
    /// Verdicts already found; the peer of a connection does not change.
    private var verdicts: [UInt32: Verdict] = [:]

    init(address: IPAddress, port: Int, service: NFSService) {
        self.address = address
        self.port = port
        client =
            UInt64(truncatingIfNeeded: address.bits)
            ^ UInt64(truncatingIfNeeded: address.bits >> 64)
        generation = service.exportsGeneration
        exports = service.exports
        host = service.clientNames.host(address)
    }

    /// Takes over exports that were published since.
    func refresh(from service: NFSService) {
        let newest = service.exportsGeneration
        guard newest != generation else { return }
        generation = newest
        exports = service.exports
        host = service.clientNames.host(address)
        verdicts.removeAll()
    }

    func verdict(onExport id: UInt32) -> Verdict {
        if let known = verdicts[id] { return known }
        guard let export = exports.export(id: id) else { return .unknown }
        let verdict: Verdict =
            if let options = export.options(for: host, port: port) {
                .allowed(Access(export: export, options: options))
            } else {
                .denied
            }
        verdicts[id] = verdict
        return verdict
    }

    /// What it may mount, in ascending order of path.
    var mountableExports: [Export] { exports.exports(for: host, port: port) }
}
