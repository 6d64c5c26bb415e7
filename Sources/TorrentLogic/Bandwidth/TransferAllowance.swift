/// What a torrent may transfer one way while a limit holds.
struct TransferAllowance {
    /// In bytes, less than nothing if a block has left a debt; `nil` without a limit.
    private(set) var byteCount: Int?

    var isLimited: Bool { byteCount != nil }
    var permitsMore: Bool { byteCount.map { $0 > 0 } ?? true }

    mutating func setLimited(_ isLimited: Bool) {
        if isLimited != self.isLimited { byteCount = isLimited ? 0 : nil }
    }

    mutating func spend(_ count: Int) {
        if let byteCount { self.byteCount = byteCount - count }
    }

    mutating func add(_ count: Int) { spend(-count) }

    /// What is left, which is then gone.
    mutating func takeUnused() -> Int {
        guard let byteCount, byteCount > 0 else { return 0 }
        self.byteCount = 0
        return byteCount
    }

    /// What must be granted so that so much may pass, and a debt is paid off.
    func need(_ wanted: TransferNeed) -> TransferNeed {
        guard let byteCount, wanted.total > byteCount else { return TransferNeed() }
        guard byteCount < 0 else { return wanted.prefix(wanted.total - byteCount) }
        return TransferNeed(urgent: wanted.urgent, other: wanted.other - byteCount)
    }
}
