import CTirpc
package import NIOCore

/// The header of a reply (RFC 5531 section 9: rpc_msg, reply_body).
///
/// The verifier is AUTH_NONE.
package enum RPCReply: Equatable, Sendable {
    /// SUCCESS: the results follow.
    case success
    case programUnavailable  // PROG_UNAVAIL
    case programMismatch(low: UInt32, high: UInt32)  // PROG_MISMATCH
    case procedureUnavailable  // PROC_UNAVAIL
    case garbageArguments  // GARBAGE_ARGS
    case systemError  // SYSTEM_ERR
    /// MSG_DENIED, RPC_MISMATCH.
    case rpcMismatch(low: UInt32, high: UInt32)
    /// MSG_DENIED, AUTH_ERROR.
    case authError(AuthStatus)
}

extension RPCReply {
    /// No reply header is longer.
    private static let byteLimit = 32

    /// Appends the header without a record mark, as UDP has it.
    ///
    /// The results follow.
    package func encode(xid: UInt32, into buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.byteLimit) { bytes in
            let capacity = UInt32(clamping: bytes.count)
            func accepted(_ status: UInt32, _ low: UInt32 = 0, _ high: UInt32 = 0) -> UInt32 {
                ctirpc_encode_accepted_reply(bytes.baseAddress, capacity, xid, status, low, high)
            }
            return switch self {
            case .success: Int(accepted(0))
            case .programUnavailable: Int(accepted(1))
            case .programMismatch(let low, let high): Int(accepted(2, low, high))
            case .procedureUnavailable: Int(accepted(3))
            case .garbageArguments: Int(accepted(4))
            case .systemError: Int(accepted(5))
            case .rpcMismatch(let low, let high):
                Int(ctirpc_encode_rpc_mismatch(bytes.baseAddress, capacity, xid, low, high))
            case .authError(let status):
                Int(ctirpc_encode_auth_error(bytes.baseAddress, capacity, xid, status.rawValue))
            }
        }
    }

    /// Appends a whole record without results: mark and header.
    package func encodeRecord(xid: UInt32, into buffer: inout ByteBuffer) {
        let mark = RecordMark(reservedIn: &buffer)
        encode(xid: xid, into: &buffer)
        mark.set(in: &buffer)
    }

    /// Appends a successful reply as a record: mark, header and results.
    ///
    /// - Parameter payloadByteCount: Bytes of the record that are sent after the buffer: data of
    ///   a READ and their padding.
    package static func encodeSuccessRecord(
        xid: UInt32,
        results: some XDREncodable,
        payloadByteCount: Int = 0,
        into buffer: inout ByteBuffer
    ) {
        let mark = RecordMark(reservedIn: &buffer)
        success.encode(xid: xid, into: &buffer)
        buffer.writeXDR(results)
        mark.set(in: &buffer, payloadByteCount: payloadByteCount)
    }

    /// Decodes a header, as a client does; the results are then at the reader index.
    package static func decode(
        consuming record: inout ByteBuffer
    ) throws(XDRError) -> (xid: UInt32, reply: RPCReply) {
        try record.readXDR { (reader) throws(XDRError) in
            let xid = try reader.readUInt32()
            try reader.expect(1)
            let isDenied = try reader.readBool()
            return (xid, try isDenied ? decodeDenied(&reader) : decodeAccepted(&reader))
        }
    }

    private static func decodeAccepted(_ reader: inout XDRReader) throws(XDRError) -> RPCReply {
        _ = try reader.readUInt32()
        _ = try reader.readOpaque(limit: Int(CTIRPC_AUTH_LIMIT))
        switch try reader.readUInt32() {
        case 0: return .success
        case 1: return .programUnavailable
        case 2: return .programMismatch(low: try reader.readUInt32(), high: try reader.readUInt32())
        case 3: return .procedureUnavailable
        case 4: return .garbageArguments
        case 5: return .systemError
        case let value: throw .invalidValue(offset: reader.offset - 4, value: value)
        }
    }

    private static func decodeDenied(_ reader: inout XDRReader) throws(XDRError) -> RPCReply {
        try reader.readBool()
            ? .authError(reader.readEnum(AuthStatus.self))
            : .rpcMismatch(low: reader.readUInt32(), high: reader.readUInt32())
    }
}

extension XDRReader {
    fileprivate mutating func expect(_ expected: UInt32) throws(XDRError) {
        let value = try readUInt32()
        guard value == expected else { throw .invalidValue(offset: offset - 4, value: value) }
    }
}
