import Bencode

/// A message of `ut_metadata` (BEP 9), by which info dictionaries travel between peers.
package enum MetadataMessage: Equatable, Sendable {
    /// Bytes of a block; the last one of the metadata is shorter.
    package static let blockByteCount = 16 * 1024
    /// Block numbers are below this: 1 GiB of metadata.
    package static let maximumBlockCount = 65_536
    private static let limits = BencodeLimits(
        byteCount: 32 * 1024,
        depth: 8,
        valueCount: 100
    )

    case request(block: Int)
    /// `totalByteCount` is what the sender claims; `nil` if it does not.
    case data(block: Int, totalByteCount: Int?, payload: [UInt8])
    case reject(block: Int)
    /// A type that has no meaning yet; it is ignored (BEP 9).
    case unknown(type: Int64)

    package init(decoding payload: [UInt8]) throws(ExtensionError) {
        let value = try ExtensionError.dictionary(
            payload,
            limits: Self.limits,
            allowsTrailingBytes: true
        )
        guard let type = value["msg_type"]?.integer else { throw .malformed(key: "msg_type") }
        guard (0...2).contains(type) else {
            self = .unknown(type: type)
            return
        }
        guard let number = value["piece"]?.integer,
            (0..<Int64(Self.maximumBlockCount)).contains(number)
        else { throw .malformed(key: "piece") }
        switch type {
        case 0: self = .request(block: Int(number))
        case 1:
            let block = payload[value.range.upperBound...]
            guard block.count <= Self.blockByteCount else {
                throw .blockTooLong(byteCount: block.count)
            }
            let total = value["total_size"]?.integer
            guard total.map({ $0 > 0 && $0 <= 1 << 31 }) ?? true else {
                throw .malformed(key: "total_size")
            }
            self = .data(
                block: Int(number),
                totalByteCount: total.map { Int($0) },
                payload: Array(block)
            )
        default: self = .reject(block: Int(number))
        }
    }

    package func encode() -> [UInt8] {
        switch self {
        case .request(let block): return Self.header(type: 0, block: block)
        case .data(let block, let total, let payload):
            return Self.header(type: 1, block: block, totalByteCount: total) + payload
        case .reject(let block): return Self.header(type: 2, block: block)
        case .unknown(let type): return BencodeEncoder.encode(["msg_type": .integer(type)])
        }
    }

    private static func header(type: Int64, block: Int, totalByteCount: Int? = nil) -> [UInt8] {
        var item: BencodeItem = ["msg_type": .integer(type), "piece": .integer(Int64(block))]
        item.set("total_size", to: totalByteCount.map { .integer(Int64($0)) })
        return BencodeEncoder.encode(item)
    }
}
