/// Makes names of torrents safe: each becomes one component that every client can show and open.
///
/// A torrent's names are written by strangers. What would leave the directory (`..`, `/`), hide
/// itself (control and bidirectional format characters) or be refused by a client (trailing dots
/// and spaces, more than 255 bytes, invalid UTF-8) is changed; every other byte stays as it is, and
/// no normalisation is done, so that a name on the share equals the name in the torrent.
package enum FileName {
    /// Bytes: NAME_MAX of Linux, and what PATHCONF answers.
    package static let maximumByteCount = 255

    /// Stands for a name of which nothing is left.
    package static let placeholder = Array("_".utf8)

    /// One valid path component, or `nil` for a component that means no level of its own: an empty
    /// one, `.`, `..` and a drive such as `C:`.
    package static func component(_ raw: [UInt8]) -> [UInt8]? {
        if isMeaningless(raw) { return nil }
        if isPlain(raw) { return raw }
        var clean: [UInt8] = []
        clean.reserveCapacity(raw.count)
        for scalar in String(decoding: raw, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x2F, 0x5C, 0xFFFD: clean.append(UInt8(ascii: "_"))
            case _ where isInvisible(scalar): break
            default: clean.append(contentsOf: scalar.utf8)
            }
        }
        trimEnd(&clean)
        if clean.isEmpty { return placeholder }
        if clean.count > maximumByteCount {
            clean = shortened(clean, toFit: 0)
            trimEnd(&clean)
        }
        return clean
    }

    /// `name` with ` (mark)` before its extension: `bar.txt` and `2` make `bar (2).txt`.
    package static func marked(_ name: [UInt8], with mark: String) -> [UInt8] {
        let addition = Array(" (\(mark))".utf8)
        let fitting = shortened(name, toFit: addition.count)
        let stem = fitting.count - extensionLength(fitting)
        return Array(fitting[..<stem] + addition + fitting[stem...])
    }

    /// Printable ASCII that needs no change: nearly every name.
    private static func isPlain(_ raw: [UInt8]) -> Bool {
        guard raw.count <= maximumByteCount, let last = raw.last else { return false }
        if last == UInt8(ascii: ".") || last == UInt8(ascii: " ") { return false }
        return raw.allSatisfy { byte in
            byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "\\")
        }
    }

    private static func isMeaningless(_ raw: [UInt8]) -> Bool {
        switch raw.count {
        case 0: true
        case 1: raw[0] == UInt8(ascii: ".")
        case 2:
            raw[0] == UInt8(ascii: ".") && raw[1] == UInt8(ascii: ".")
                || raw[1] == UInt8(ascii: ":") && isLetter(raw[0])
        default: false
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    /// Control characters, line separators, byte order marks, and the marks that turn the writing
    /// direction, by which `gpj.exe` can pass for a picture.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069,
            0xFEFF:
            true
        default: false
        }
    }

    private static func trimEnd(_ name: inout [UInt8]) {
        while let last = name.last, last == UInt8(ascii: ".") || last == UInt8(ascii: " ") {
            name.removeLast()
        }
    }

    /// Cuts the stem at a character so that `extra` bytes more still fit; the extension stays.
    private static func shortened(_ name: [UInt8], toFit extra: Int) -> [UInt8] {
        guard name.count + extra > maximumByteCount else { return name }
        let suffix = name.suffix(extensionLength(name))
        var end = maximumByteCount - extra - suffix.count
        while end > 0, name[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(name[..<end] + suffix)
    }

    /// Bytes of the last `.ext`, the dot included: one to ten ASCII letters or digits.
    ///
    /// 0 if there is none. A dot at the start hides a file and makes no extension.
    private static func extensionLength(_ name: [UInt8]) -> Int {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return 0 }
        let letters = name[(dot + 1)...]
        let isExtension =
            (1...10).contains(letters.count)
            && letters.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
        return isExtension ? letters.count + 1 : 0
    }
}
