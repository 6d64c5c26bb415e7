/// A value that has an XDR representation (RFC 4506).
package protocol XDREncodable {
    /// Writes the value; the same bytes each time, since a writer that was too small starts again.
    func encode(into writer: inout XDRWriter)
}

package protocol XDRDecodable {
    init(from reader: inout XDRReader) throws(XDRError)
}

package typealias XDRCodable = XDRDecodable & XDREncodable

/// The arm of a union that holds nothing: void (RFC 4506 section 4.16).
package struct XDRVoid: XDRCodable, Equatable, Sendable {
    package init() {}
    package init(from reader: inout XDRReader) throws(XDRError) {}
    package func encode(into writer: inout XDRWriter) {}
}

/// Optional-data (RFC 4506 section 4.19): a boolean, then the value if it is true.
extension Optional: XDREncodable where Wrapped: XDREncodable {
    package func encode(into writer: inout XDRWriter) {
        writer.write(self != nil)
        self?.encode(into: &writer)
    }
}

extension Optional: XDRDecodable where Wrapped: XDRDecodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        self = try reader.readBool() ? Wrapped(from: &reader) : nil
    }
}

extension UInt32: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        self = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(self)
    }
}

extension UInt64: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        self = try reader.readUInt64()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(self)
    }
}
