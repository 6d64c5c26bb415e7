import CCrypto

/// SHA-1 by libcrypto (FIPS 180-4): what piece hashes and v1 info-hashes are made of.
package enum SHA1 {
    package static let byteCount = 20
}
