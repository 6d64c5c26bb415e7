/// Procedures of program 100000, versions 3 and 4: RPCBIND (RFC 1833 section 2).
package enum RPCBindProcedure: UInt32, CaseIterable, Sendable {
    case null = 0
    case set = 1  // RPCBPROC_SET
    case unset = 2  // RPCBPROC_UNSET
    case getAddress = 3  // RPCBPROC_GETADDR
    case dump = 4  // RPCBPROC_DUMP
    case broadcast = 5  // RPCBPROC_CALLIT, in version 4 RPCBPROC_BCAST
    case getTime = 6  // RPCBPROC_GETTIME
    case getVersionAddress = 9  // RPCBPROC_GETVERSADDR, of version 4
}

/// rpcb: { unsigned r_prog, r_vers; string r_netid<>, r_addr<>, r_owner<>; }.
///
/// The argument of most procedures, and the element of DUMP's list.
package struct RPCBinding: Equatable, Sendable {
    package let program: UInt32
    package let version: UInt32
    package let netid: String
    /// A universal address (RFC 5665 section 5.2.3), as `192.168.1.2.8.1` for port 2049.
    package let address: String
    package let owner: String

    package init(
        program: UInt32,
        version: UInt32,
        netid: String,
        address: String = "",
        owner: String = ""
    ) {
        self.program = program
        self.version = version
        self.netid = netid
        self.address = address
        self.owner = owner
    }

    /// - Parameter host: an address in numbers.
    package static func universalAddress(host: String, port: UInt16) -> String {
        "\(host).\(port >> 8).\(port & 0xff)"
    }
}

extension RPCBinding: XDRCodable {
    /// A netid, an address or the name of a user has no more bytes.
    private static let textLimit = 255

    package init(from reader: inout XDRReader) throws(XDRError) {
        program = try reader.readUInt32()
        version = try reader.readUInt32()
        netid = String(decoding: try reader.readOpaque(limit: Self.textLimit), as: UTF8.self)
        address = String(decoding: try reader.readOpaque(limit: Self.textLimit), as: UTF8.self)
        owner = String(decoding: try reader.readOpaque(limit: Self.textLimit), as: UTF8.self)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(program)
        writer.write(version)
        writer.write(Array(netid.utf8))
        writer.write(Array(address.utf8))
        writer.write(Array(owner.utf8))
    }
}

/// rpcblist, the result of DUMP.
package struct RPCBindingList: Equatable, Sendable {
    package let bindings: [RPCBinding]

    package init(bindings: [RPCBinding]) {
        self.bindings = bindings
    }
}

extension RPCBindingList: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        bindings = try reader.readList(of: RPCBinding.self)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.writeList(bindings)
    }
}

/// A string, such as the universal address that GETADDR answers with.
package struct XDRString: Equatable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }
}

extension XDRString: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        text = String(decoding: try reader.readOpaque(limit: 255), as: UTF8.self)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(Array(text.utf8))
    }
}

/// rpcb_rmtcallres: { string addr<>; opaque results<>; }, of BCAST.
package struct BroadcastResult: Equatable, Sendable {
    package let address: String
    package let results: [UInt8]

    package init(address: String, results: [UInt8] = []) {
        self.address = address
        self.results = results
    }
}

extension BroadcastResult: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        address = String(decoding: try reader.readOpaque(limit: 255), as: UTF8.self)
        results = try reader.readBytes(limit: 8800)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(Array(address.utf8))
        writer.write(results)
    }
}
