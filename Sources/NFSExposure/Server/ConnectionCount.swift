/// How many connections a listener has, of everybody and of each host: one host alone must not be
/// able to keep all others out.
struct ConnectionCount {
    enum Refusal: Equatable, Sendable {
        /// There are as many as may be.
        case full
        /// The host has as many as one host may have.
        case hostHasEnough
    }

    private let limit: Int
    private let limitPerHost: Int
    private var total = 0
    private var ofHosts: [UInt128: Int] = [:]

    init(limit: Int, perHost limitPerHost: Int) {
        self.limit = limit
        self.limitPerHost = limitPerHost
    }

    /// - Returns: why there is no room; `nil` if there is, and then the connection counts until
    ///   ``leave(_:)``.
    mutating func admit(_ address: IPAddress) -> Refusal? {
        if total >= limit { return .full }
        let count = ofHosts[address.host, default: 0]
        if count >= limitPerHost { return .hostHasEnough }
        total += 1
        ofHosts[address.host] = count + 1
        return nil
    }

    mutating func leave(_ address: IPAddress) {
        guard let count = ofHosts[address.host] else { return }
        total -= 1
        ofHosts[address.host] = count == 1 ? nil : count - 1
    }
}

extension IPAddress {
    /// What stands for one host: of IPv6 the network of 64 bits, whose addresses are all its own.
    fileprivate var host: UInt128 { isIPv4 ? bits : bits >> 64 }
}
