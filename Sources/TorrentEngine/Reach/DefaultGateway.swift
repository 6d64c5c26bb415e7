import BitTorrentProtocol

/// The router to which this machine sends what is for no network of its own.
struct DefaultGateway: Hashable, Sendable {
    /// Name of the network interface that leads there.
    let interface: String
    /// 4 or 16 bytes.
    let host: [UInt8]

    /// More routes than this are not looked through.
    private static let maximumLineCount = 10_000
    /// `RTF_UP` and `RTF_GATEWAY` of <linux/route.h>.
    private static let upAndGateway: UInt32 = 3

    private init(interface: Substring, host: [UInt8]) {
        self.interface = String(interface)
        self.host = host
    }

    /// What the kernel says now.
    ///
    /// - Parameter interface: the only one to look at; `nil` for all.
    static func current(isIPv6: Bool, interface: String? = nil) -> DefaultGateway? {
        guard
            let text = procText(isIPv6 ? "/proc/net/ipv6_route" : "/proc/net/route")
        else { return nil }
        return isIPv6
            ? DefaultGateway(ipv6Routes: text, interface: interface)
            : DefaultGateway(ipv4Routes: text, interface: interface)
    }

    /// Reads /proc/net/route: columns under a head, numbers in the byte order of this machine.
    init?(ipv4Routes text: String, interface wanted: String? = nil) {
        var best: (metric: UInt32, gateway: DefaultGateway)?
        for line in text.split(separator: "\n").prefix(Self.maximumLineCount) {
            // Iface Destination Gateway Flags RefCnt Use Metric Mask
            let fields = line.split { $0 == " " || $0 == "\t" }
            guard fields.count >= 8, wanted == nil || fields[0] == wanted ?? "",
                UInt32(fields[1], radix: 16) == 0, UInt32(fields[7], radix: 16) == 0,
                let number = UInt32(fields[2], radix: 16),
                let flags = UInt32(fields[3], radix: 16),
                flags & Self.upAndGateway == Self.upAndGateway,
                let metric = UInt32(fields[6])
            else { continue }
            let host = withUnsafeBytes(of: number) { Array($0) }
            if metric < best?.metric ?? .max {
                best = (metric, DefaultGateway(interface: fields[0], host: host))
            }
        }
        guard let best else { return nil }
        self = best.gateway
    }

    /// Reads /proc/net/ipv6_route: columns without a head, addresses as 32 digits.
    init?(ipv6Routes text: String, interface wanted: String? = nil) {
        var best: (metric: UInt32, gateway: DefaultGateway)?
        for line in text.split(separator: "\n").prefix(Self.maximumLineCount) {
            // Destination its prefix, source its prefix, next hop, metric, RefCnt Use Flags Iface
            let fields = line.split(separator: " ")
            guard fields.count == 10, wanted == nil || fields[9] == wanted ?? "",
                fields[0].allSatisfy({ $0 == "0" }), fields[1] == "00",
                let host = Self.bytes(fields[4]), host.contains(where: { $0 != 0 }),
                let flags = UInt32(fields[8], radix: 16),
                flags & Self.upAndGateway == Self.upAndGateway,
                let metric = UInt32(fields[5], radix: 16)
            else { continue }
            if metric < best?.metric ?? .max {
                best = (metric, DefaultGateway(interface: fields[9], host: host))
            }
        }
        guard let best else { return nil }
        self = best.gateway
    }

    private static func bytes(_ digits: Substring) -> [UInt8]? {
        guard digits.utf8.count == 32 else { return nil }
        var rest = digits
        var bytes: [UInt8] = []
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
