import Bencode
import BitTorrentProtocol
import Cryptography

/// A v2 or hybrid torrent of made-up files, built without what is tested, before a test spoils it.
struct Version2Torrent {
    struct File {
        let path: [String]
        let bytes: [UInt8]

        init(_ path: [String], _ byteCount: Int) {
            self.path = path
            bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ byteCount) }
        }
    }

    static let pieceLength = 32768

    var files = [
        File(["a"], 70_000), File(["b", "empty"], 0), File(["b", "one block"], 100),
        File(["b", "one piece"], 32768), File(["c"], 40_000),
    ]

    func root(_ file: File) -> [UInt8] { tree(file).last?[0] ?? [] }

    func pieceLayer(_ file: File) -> [UInt8] {
        let layers = tree(file)
        let count = (file.bytes.count - 1) / Self.pieceLength + 1
        return layers[1].prefix(count).flatMap { $0 }
    }

    /// All layers, from the leaves up, padding included.
    private func tree(_ file: File) -> [[[UInt8]]] {
        var leaves = stride(from: 0, to: file.bytes.count, by: 16384).map {
            SHA256.hash(file.bytes[$0..<min($0 + 16384, file.bytes.count)])
        }
        while leaves.count.nonzeroBitCount != 1 { leaves.append([UInt8](repeating: 0, count: 32)) }
        var layers = [leaves]
        while let last = layers.last, last.count > 1 {
            layers.append(
                stride(from: 0, to: last.count, by: 2).map { SHA256.hash(last[$0] + last[$0 + 1]) }
            )
        }
        return layers
    }

    var fileTree: BencodeItem {
        var top: [[UInt8]: BencodeItem] = [:]
        var below: [[UInt8]: BencodeItem] = [:]
        for file in files {
            var leaf: BencodeItem = ["length": .integer(Int64(file.bytes.count))]
            if !file.bytes.isEmpty { leaf.set("pieces root", to: .string(root(file))) }
            let item: BencodeItem = ["": leaf]
            if file.path.count == 1 {
                top[Array(file.path[0].utf8)] = item
            } else {
                below[Array(file.path[1].utf8)] = item
            }
        }
        if !below.isEmpty { top[Array("b".utf8)] = .dictionary(below) }
        return .dictionary(top)
    }

    var pieceLayers: BencodeItem {
        var layers: [[UInt8]: BencodeItem] = [:]
        for file in files where file.bytes.count > Self.pieceLength {
            layers[root(file)] = .string(pieceLayer(file))
        }
        return .dictionary(layers)
    }

    var info: BencodeItem {
        [
            "name": "torrent", "meta version": 2, "piece length": .integer(Int64(Self.pieceLength)),
            "file tree": fileTree,
        ]
    }

    /// With the description of v1 and its padding.
    func hybridInfo(hasTailPadding: Bool) -> BencodeItem {
        var entries: [BencodeItem] = []
        var content: [UInt8] = []
        for (number, file) in files.enumerated() {
            entries.append([
                "length": .integer(Int64(file.bytes.count)),
                "path": .list(file.path.map { .text($0) }),
            ])
            content += file.bytes
            let rest = content.count % Self.pieceLength
            guard rest != 0, number < files.count - 1 || hasTailPadding else { continue }
            let count = Self.pieceLength - rest
            entries.append([
                "length": .integer(Int64(count)), "path": [".pad", .text("\(count)")], "attr": "p",
            ])
            content += [UInt8](repeating: 0, count: count)
        }
        let hashes = stride(from: 0, to: content.count, by: Self.pieceLength).flatMap {
            SHA1.hash(content[$0..<min($0 + Self.pieceLength, content.count)])
        }
        var info = info
        info.set("files", to: .list(entries))
        info.set("pieces", to: .string(hashes))
        return info
    }

    func metainfoBytes(_ info: BencodeItem, layers: BencodeItem? = nil) -> [UInt8] {
        BencodeEncoder.encode(["info": info, "piece layers": layers ?? pieceLayers])
    }
}
