import TestSupport
import Testing

@testable import BitTorrentProtocol

@Suite struct NodeIDTests {
    /// The vectors of BEP 42: address, first three bytes, last byte.
    @Test(arguments: [
        ("124.31.75.21:1", [0x5f, 0xbf, 0xbf] as [UInt8], 1 as UInt8),
        ("21.75.31.124:1", [0x5a, 0x3c, 0xe9], 86),
        ("65.23.51.170:1", [0xa5, 0xd4, 0x32], 22),
        ("84.124.73.14:1", [0x1b, 0x03, 0x21], 65),
        ("43.213.53.83:1", [0xe5, 0x6f, 0x6c], 90),
    ])
    func followsFromTheAddress(text: String, first: [UInt8], last: UInt8) throws {
        let address = try #require(PeerAddress(text))
        let middle = [UInt8](repeating: 0x10, count: 16)
        let id = try #require(NodeID(bytes: first + middle + [last]))
        #expect(id.isValid(for: address))
        let other = try #require(NodeID(bytes: first + middle + [last ^ 1]))
        #expect(!other.isValid(for: address))
        #expect(!id.isValid(for: try #require(PeerAddress("8.8.8.8:1"))))
    }

    @Test func makesIDsThatAreValid() throws {
        var mutator = Mutator(seed: 1)
        for text in ["8.8.4.4:1", "[2001:4860:4860::8888]:1"] {
            let address = try #require(PeerAddress(text))
            for _ in 0..<100 {
                #expect(NodeID(forHost: address.host, using: &mutator).isValid(for: address))
            }
        }
    }

    @Test func anyIDIsValidInALocalNetwork() throws {
        let id = try #require(NodeID(bytes: [UInt8](repeating: 0, count: 20)))
        for text in ["127.0.0.1:1", "10.0.0.1:1", "192.168.1.1:1", "[fe80::1]:1", "[::1]:1"] {
            #expect(id.isValid(for: try #require(PeerAddress(text))))
        }
    }

    @Test func measuresDistanceByXOR() throws {
        let zero = try #require(NodeID(bytes: [UInt8](repeating: 0, count: 20)))
        var bytes = [UInt8](repeating: 0, count: 20)
        #expect(zero.distance(to: zero).sharedBitCount == 160)
        bytes[19] = 1
        let near = try #require(NodeID(bytes: bytes))
        #expect(zero.distance(to: near).sharedBitCount == 159)
        bytes[0] = 0x80
        let far = try #require(NodeID(bytes: bytes))
        #expect(zero.distance(to: far).sharedBitCount == 0)
        #expect(zero.distance(to: near) < zero.distance(to: far))
        #expect(far.bytes == bytes)
        #expect(NodeID(bytes: bytes.dropLast()) == nil)
    }

    @Test func sharesExactlyTheBitsAskedFor() {
        var mutator = Mutator(seed: 2)
        let id = NodeID(using: &mutator)
        for count in 0..<160 {
            let other = id.sharing(bitCount: count, using: &mutator)
            #expect(id.distance(to: other).sharedBitCount == count)
        }
    }
}

@Suite struct BloomFilterTests {
    /// The vector of BEP 33.
    @Test func estimatesAsTheSpecificationDoes() {
        var filter = BloomFilter()
        for last in 0...255 { filter.insert(host: [192, 0, 2, UInt8(last)]) }
        for last in 0...0x3e7 {
            let tail: [UInt8] = [UInt8(last >> 8), UInt8(last & 255)]
            filter.insert(
                host: [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 10) + tail
            )
        }
        #expect(filter.bytes.starts(with: [0xf6, 0xc3, 0xf5, 0xea, 0xa0, 0x7f, 0xfd, 0x91]))
        #expect(abs(filter.estimatedCount - 1224.9308) < 0.001)
        #expect(BloomFilter().estimatedCount == 0)
        #expect(BloomFilter(bytes: filter.bytes) == filter)
        #expect(BloomFilter(bytes: [1]) == nil)
    }
}
