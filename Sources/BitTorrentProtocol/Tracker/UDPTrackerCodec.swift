/// Packets to a UDP tracker (BEP 15, BEP 41).
package enum UDPTrackerRequest: Equatable, Sendable {
    /// Info-hashes that one scrape may ask for (BEP 15).
    package static let maximumScrapeCount = 74

    case connect
    /// `urlData` is the path and query of the announce URL (BEP 41).
    case announce(connectionID: UInt64, AnnounceRequest, urlData: String?)
    case scrape(connectionID: UInt64, [InfoHash])

    /// What every connect starts with.
    private static let protocolID: UInt64 = 0x417_2710_1980
    /// Bytes of URL data that are sent: more would not fit a packet.
    private static let maximumURLDataByteCount = 1024

    package func encode(transactionID: UInt32) -> [UInt8] {
        var output: [UInt8] = []
        switch self {
        case .connect:
            output.append(bigEndian: Self.protocolID)
            output.append(bigEndian: UDPTrackerAction.connect.rawValue)
            output.append(bigEndian: transactionID)
        case .announce(let connectionID, let request, let urlData):
            output.append(bigEndian: connectionID)
            output.append(bigEndian: UDPTrackerAction.announce.rawValue)
            output.append(bigEndian: transactionID)
            Self.append(request, to: &output)
            Self.appendOptions(urlData: urlData, to: &output)
        case .scrape(let connectionID, let hashes):
            output.append(bigEndian: connectionID)
            output.append(bigEndian: UDPTrackerAction.scrape.rawValue)
            output.append(bigEndian: transactionID)
            output += hashes.prefix(Self.maximumScrapeCount).flatMap(\.bytes)
        }
        return output
    }

    private static func append(_ request: AnnounceRequest, to output: inout [UInt8]) {
        output += request.infoHash.bytes
        output += request.peerID.bytes
        output.append(bigEndian: request.downloaded)
        output.append(bigEndian: request.left)
        output.append(bigEndian: request.uploaded)
        let event: UInt32 =
            switch request.event {
            case nil: 0
            case .completed: 1
            case .started: 2
            case .stopped: 3
            }
        output.append(bigEndian: event)
        // The tracker takes the address that the packet comes from.
        output.append(bigEndian: UInt32(0))
        output.append(bigEndian: request.key)
        output.append(bigEndian: UInt32(clamping: request.wantedPeerCount))
        output.append(bigEndian: request.port)
    }

    private static func appendOptions(urlData: String?, to output: inout [UInt8]) {
        guard let urlData, urlData.utf8.count <= maximumURLDataByteCount else { return }
        var rest = Array(urlData.utf8)[...]
        while !rest.isEmpty {
            let part = rest.prefix(255)
            output += [2, UInt8(part.count)]
            output += part
            rest = rest.dropFirst(part.count)
        }
    }
}

/// A packet from a UDP tracker (BEP 15).
package struct UDPTrackerPacket: Equatable, Sendable {
    package enum Body: Equatable, Sendable {
        case connected(connectionID: UInt64)
        case announced(AnnounceResponse)
        /// In the order of the request.
        case scraped([SwarmSize])
        case refused(reason: String)
    }

    package let transactionID: UInt32
    package let body: Body

    /// - Parameter isIPv6: whether the tracker was asked over IPv6; its peers are then too.
    /// - Returns: `nil` for anything that is no whole packet; UDP brings all kinds of things.
    package init?(decoding bytes: [UInt8], isIPv6: Bool) {
        guard let code: UInt32 = bytes.bigEndian(at: 0),
            let action = UDPTrackerAction(rawValue: code),
            let transactionID: UInt32 = bytes.bigEndian(at: 4)
        else { return nil }
        self.transactionID = transactionID
        switch action {
        case .connect:
            guard let id: UInt64 = bytes.bigEndian(at: 8) else { return nil }
            body = .connected(connectionID: id)
        case .announce:
            guard let response = Self.announceResponse(bytes, isIPv6: isIPv6) else { return nil }
            body = .announced(response)
        case .scrape:
            body = .scraped(Self.scrapes(bytes))
        case .error:
            let text = bytes.dropFirst(8).prefix { $0 != 0 }
            body = .refused(reason: HTTPTrackerCodec.displayText(text))
        }
    }

    private static func announceResponse(_ bytes: [UInt8], isIPv6: Bool) -> AnnounceResponse? {
        guard let interval: UInt32 = bytes.bigEndian(at: 8),
            let leecherCount: UInt32 = bytes.bigEndian(at: 12),
            let seedCount: UInt32 = bytes.bigEndian(at: 16)
        else { return nil }
        let byteCount =
            isIPv6 ? PeerAddress.compactIPv6ByteCount : PeerAddress.compactIPv4ByteCount
        let list = bytes[20...]
        // A rest that is no whole entry takes nothing from those before it.
        let whole = list.prefix(list.count / byteCount * byteCount)
        var response = AnnounceResponse()
        response.peers =
            PeerAddress.list(
                compact: whole,
                stride: byteCount,
                maximumCount: HTTPTrackerCodec.maximumPeerCount
            ) ?? []
        response.interval = .seconds(
            min(Int64(interval), HTTPTrackerCodec.maximumIntervalSeconds)
        )
        response.leecherCount = Int(leecherCount)
        response.seedCount = Int(seedCount)
        return response
    }

    private static func scrapes(_ bytes: [UInt8]) -> [SwarmSize] {
        let count = min((bytes.count - 8) / 12, UDPTrackerRequest.maximumScrapeCount)
        return (0..<count).compactMap { number in
            let start = 8 + 12 * number
            guard let seeds: UInt32 = bytes.bigEndian(at: start),
                let completed: UInt32 = bytes.bigEndian(at: start + 4),
                let leechers: UInt32 = bytes.bigEndian(at: start + 8)
            else { return nil }
            return SwarmSize(
                seedCount: Int(seeds),
                leecherCount: Int(leechers),
                completedCount: Int(completed)
            )
        }
    }
}

private enum UDPTrackerAction: UInt32 {
    case connect = 0
    case announce = 1
    case scrape = 2
    case error = 3
}
