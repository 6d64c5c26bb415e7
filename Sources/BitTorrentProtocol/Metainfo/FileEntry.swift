import Bencode

/// One dictionary of an info dictionary's `files` (BEP 3, BEP 47), checked by itself.
struct FileEntry {
    let path: [[UInt8]]
    /// At least zero.
    let length: Int64
    let attributes: TorrentInfo.Attributes
    let symlinkTarget: [[UInt8]]?

    init(_ value: BencodeValue, number: Int, pathDepth: Int) throws(MetainfoError) {
        guard value.kind == .dictionary else { throw .malformedFile(number) }
        var attributes = Self.attributes(value)
        guard let path = Self.path(value) else { throw .malformedPath(file: number) }
        guard path.count <= pathDepth else { throw .pathTooDeep(file: number) }
        if Self.isPaddingByName(path) { attributes.insert(.padding) }
        // BEP 47: the path of padding may be absent.
        guard !path.isEmpty || attributes.contains(.padding) else {
            throw .malformedPath(file: number)
        }
        self.path = path
        self.attributes = attributes
        if attributes.contains(.symlink) {
            // BEP 47: a link has no bytes in the torrent, whatever its length says.
            length = 0
            symlinkTarget = Self.symlinkTarget(value, pathDepth: pathDepth)
        } else {
            guard let length = value["length"]?.integer, length >= 0 else {
                throw .malformedLength(file: number)
            }
            self.length = length
            symlinkTarget = nil
        }
    }

    /// `symlink path`; empty if it is missing, malformed or too deep.
    static func symlinkTarget(_ value: BencodeValue, pathDepth: Int) -> [[UInt8]] {
        let target = value["symlink path"].flatMap(components)
        return target.flatMap { $0.count <= pathDepth ? $0 : nil } ?? []
    }

    /// The letters of `attr`; letters that BEP 47 does not name are ignored.
    static func attributes(_ value: BencodeValue) -> TorrentInfo.Attributes {
        var attributes: TorrentInfo.Attributes = []
        for letter in value["attr"]?.string ?? [] {
            switch letter {
            case UInt8(ascii: "p"): attributes.insert(.padding)
            case UInt8(ascii: "x"): attributes.insert(.executable)
            case UInt8(ascii: "h"): attributes.insert(.hidden)
            case UInt8(ascii: "l"): attributes.insert(.symlink)
            default: break
            }
        }
        return attributes
    }

    /// - Returns: `nil` if there is a path that is no list of strings; empty if there is none.
    private static func path(_ value: BencodeValue) -> [[UInt8]]? {
        if let preferred = value["path.utf-8"], let components = components(preferred),
            !components.isEmpty, preferred.list?.allSatisfy({ $0.text != nil }) == true
        {
            return components
        }
        guard let path = value["path"] else { return [] }
        return components(path)
    }

    private static func components(_ value: BencodeValue) -> [[UInt8]]? {
        guard let list = value.list else { return nil }
        var components: [[UInt8]] = []
        for element in list {
            guard let bytes = element.string else { return nil }
            components.append(Array(bytes))
        }
        return components
    }

    /// Padding of programs that do not write `attr`: `.pad/` and the length, or BitComet's name.
    private static func isPaddingByName(_ path: [[UInt8]]) -> Bool {
        if path.count == 2, path[0].elementsEqual(".pad".utf8), !path[1].isEmpty,
            path[1].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        {
            return true
        }
        return path.last?.starts(with: "_____padding_file_".utf8) ?? false
    }
}
