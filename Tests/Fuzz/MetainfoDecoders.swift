import Bencode
import BitTorrentProtocol

extension Decoder {
    /// What users and torrents bring.
    static let metainfoDecoders: [Decoder] = [bencode, metainfo, magnet]

    private static let bencode = Decoder(
        "bencode",
        samples: [Array("d8:announce3:url4:infod5:filesld6:lengthi5e4:pathl1:aeeee1:zi-1ee".utf8)],
        alphabet: bencodeAlphabet
    ) { bytes, _ in
        let decoder = BencodeDecoder(limits: BencodeLimits(byteCount: 1000), keyOrder: .any)
        guard let value = try? decoder.decode(bytes) else { return false }
        try promise(value.encoded.count == bytes.count, "a value is not the whole input")
        return true
    }

    private static let metainfo = Decoder(
        "metainfo",
        samples: metainfoSamples,
        alphabet: bencodeAlphabet + "px"
    ) { bytes, _ in
        guard let metainfo = try? Metainfo(parsing: bytes) else { return false }
        let info = metainfo.info
        var end: UInt64 = 0
        for file in info.files {
            try promise(file.offset >= end, "a file begins inside another")
            end = file.offset + file.length
        }
        try promise(end <= info.geometry.totalLength, "a file ends behind the torrent")
        return true
    }

    private static var metainfoSamples: [[UInt8]] {
        let files: BencodeItem = [
            ["length": 100, "path": ["b", "one"], "attr": "x"],
            ["length": 200, "path": [".pad", "200"], "attr": "p"],
            ["path": ["link"], "attr": "l", "symlink path": ["b", "one"]],
        ]
        let many: BencodeItem = [
            "name": "n", "files": files, "piece length": 16_384,
            "pieces": .string([UInt8](repeating: 0x31, count: 20)),
        ]
        let single: BencodeItem = [
            "name": "n", "length": 20_000, "piece length": 16_384, "private": 1,
            "pieces": .string([UInt8](repeating: 0x31, count: 40)),
        ]
        let root = BencodeItem.string([UInt8](repeating: 0x52, count: 32))
        let tree: BencodeItem = [
            "a": ["": ["length": 100, "pieces root": root]], "b": ["c": ["": ["length": 0]]],
        ]
        let second: BencodeItem = [
            "name": "n", "meta version": 2, "piece length": 16_384, "file tree": tree,
        ]
        return [
            ["info": second, "piece layers": [:]],
            ["announce": "url", "announce-list": [["u"], ["v"]], "info": many],
            ["creation date": 1_700_000_000, "url-list": ["http://w.example/"], "info": single],
        ].map { (item: BencodeItem) in BencodeEncoder.encode(item) }
    }

    private static let magnet = Decoder(
        "magnet",
        samples: [
            "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn=A+%26+b%C3%A9&so=0,2,4-6"
                + "&tr=udp%3A%2F%2Ft.example%3A80&ws=http%3A%2F%2Fw.example%2F&x.pe=1.2.3.4:5"
                + "&xs=http%3A%2F%2Fx.example%2Ft&x.pe=[2001:db8::1]:6&x.pe=peer.example:7",
            "magnet:?xt=urn:btih:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK",
            "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&xt=urn:btmh:1220"
                + String(repeating: "ab", count: 32),
        ].map { Array($0.utf8) },
        alphabet: "%&=.:?+,-019af[]xtrso"
    ) {
        try MagnetLink(String(decoding: $0, as: UTF8.self))
    } write: {
        Array($0.description.utf8)
    }
}
