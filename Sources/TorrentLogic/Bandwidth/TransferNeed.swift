/// Bytes that a torrent would send or request now, were there no limit.
package struct TransferNeed: Equatable, Sendable {
    /// For which a reader waits: these go first.
    package var urgent = 0
    package var other = 0

    package init(urgent: Int = 0, other: Int = 0) {
        self.urgent = urgent
        self.other = other
    }

    package var total: Int { urgent + other }

    /// The most urgent `byteCount` of it.
    package func prefix(_ byteCount: Int) -> TransferNeed {
        let first = min(urgent, max(0, byteCount))
        return TransferNeed(urgent: first, other: min(other, max(0, byteCount) - first))
    }
}

/// Which way payload goes.
package enum TransferDirection: CaseIterable, Sendable { case download, upload }

/// Limits on payload in bytes a second; 0 is no limit.
package struct TransferRates: Equatable, Sendable {
    package var download = 0
    package var upload = 0

    package init(download: Int = 0, upload: Int = 0) {
        self.download = download
        self.upload = upload
    }

    package subscript(direction: TransferDirection) -> Int {
        switch direction {
        case .download: download
        case .upload: upload
        }
    }
}
