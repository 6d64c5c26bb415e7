/// What is to be written as bencode (BEP 3).
package indirect enum BencodeItem: Equatable, Sendable {
    case integer(Int64)
    case string([UInt8])
    case list([BencodeItem])
    case dictionary([[UInt8]: BencodeItem])
    /// A value that is bencode already: written as it stands.
    case encoded([UInt8])
}

extension BencodeItem: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(stringLiteral value: String) { self = .text(value) }
    package init(arrayLiteral elements: BencodeItem...) { self = .list(elements) }

    /// - Precondition: no key appears twice.
    package init(dictionaryLiteral elements: (String, BencodeItem)...) {
        self = .dictionary(
            Dictionary(uniqueKeysWithValues: elements.map { (Array($0.utf8), $1) })
        )
    }

    /// A string of UTF-8.
    package static func text(_ text: String) -> BencodeItem { .string(Array(text.utf8)) }

    /// Adds `value` under `key` to a dictionary; a `nil` value adds nothing.
    ///
    /// - Precondition: this is a dictionary.
    package mutating func set(_ key: String, to value: BencodeItem?) {
        guard case .dictionary(var entries) = self else {
            preconditionFailure("Only a dictionary has keys")
        }
        entries[Array(key.utf8)] = value ?? entries[Array(key.utf8)]
        self = .dictionary(entries)
    }
}
