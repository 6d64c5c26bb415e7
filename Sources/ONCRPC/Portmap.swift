/// Procedures of program 100000, version 2: PMAP (RFC 1833 section 3).
package enum PortmapProcedure: UInt32, CaseIterable, Sendable {
    case null = 0  // PMAPPROC_NULL
    case set = 1  // PMAPPROC_SET
    case unset = 2  // PMAPPROC_UNSET
    case getPort = 3  // PMAPPROC_GETPORT
    case dump = 4  // PMAPPROC_DUMP
    case callIt = 5  // PMAPPROC_CALLIT
}

/// mapping: { unsigned prog, vers, prot, port; }.
///
/// The argument of SET, UNSET and GETPORT, and the element of DUMP's list.
package struct PortMapping: Hashable, Sendable {
    package let program: UInt32
    package let version: UInt32
    /// Of the Internet: 6 is TCP, 17 UDP.
    package let protocolNumber: UInt32
    package let port: UInt32

    package init(program: UInt32, version: UInt32, protocolNumber: UInt32, port: UInt32) {
        self.program = program
        self.version = version
        self.protocolNumber = protocolNumber
        self.port = port
    }
}

extension PortMapping: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        program = try reader.readUInt32()
        version = try reader.readUInt32()
        protocolNumber = try reader.readUInt32()
        port = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(program)
        writer.write(version)
        writer.write(protocolNumber)
        writer.write(port)
    }
}

/// pmaplist, the result of DUMP.
package struct PortMappingList: Equatable, Sendable {
    package let mappings: [PortMapping]

    package init(mappings: [PortMapping]) {
        self.mappings = mappings
    }
}

extension PortMappingList: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        mappings = try reader.readList(of: PortMapping.self)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.writeList(mappings)
    }
}

/// call_args of CALLIT, and rpcb_rmtcallargs of BCAST and INDIRECT: a call to be passed on.
package struct RemoteCall: Equatable, Sendable {
    package let program: UInt32
    package let version: UInt32
    package let procedure: UInt32
    package let arguments: [UInt8]

    package init(program: UInt32, version: UInt32, procedure: UInt32, arguments: [UInt8] = []) {
        self.program = program
        self.version = version
        self.procedure = procedure
        self.arguments = arguments
    }
}

extension RemoteCall: XDRCodable {
    /// UDPMSGSIZE: what such a call may carry.
    private static let argumentLimit = 8800

    package init(from reader: inout XDRReader) throws(XDRError) {
        program = try reader.readUInt32()
        version = try reader.readUInt32()
        procedure = try reader.readUInt32()
        arguments = try reader.readBytes(limit: Self.argumentLimit)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(program)
        writer.write(version)
        writer.write(procedure)
        writer.write(arguments)
    }
}

/// call_result: { unsigned port; opaque res<>; }, of CALLIT.
package struct RemoteCallResult: Equatable, Sendable {
    package let port: UInt32
    package let results: [UInt8]

    package init(port: UInt32, results: [UInt8] = []) {
        self.port = port
        self.results = results
    }
}

extension RemoteCallResult: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        port = try reader.readUInt32()
        results = try reader.readBytes(limit: 8800)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(port)
        writer.write(results)
    }
}
