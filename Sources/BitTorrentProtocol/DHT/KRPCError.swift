package import Bencode

/// Why a packet is no DHT message.
package enum KRPCError: Error, Equatable {
    case notBencode(BencodeError)
    case notDictionary
    /// A value under this key that is missing or not of its kind.
    ///
    /// The transaction id is known if the packet is a query that deserves an answer.
    case malformed(key: String, queryTransactionID: [UInt8]?)
}
