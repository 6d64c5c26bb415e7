import CTirpc
package import NIOCore

/// The header of a call (RFC 5531 section 9: rpc_msg, call_body).
package struct RPCCall: Equatable, Sendable {
    package let xid: UInt32
    package let program: UInt32
    package let version: UInt32
    package let procedure: UInt32
    package let credential: Credential

    package init(
        xid: UInt32,
        program: UInt32,
        version: UInt32,
        procedure: UInt32,
        credential: Credential = .none
    ) {
        self.xid = xid
        self.program = program
        self.version = version
        self.procedure = procedure
        self.credential = credential
    }
}

/// Why a record is not a call to dispatch.
package enum RPCRejection: Error, Equatable {
    /// Answer this and keep the connection.
    case reply(xid: UInt32, RPCReply)
    /// A reply, or nothing that RFC 5531 knows: never answered.
    case notACall
    /// A call of RPC version 2 whose header ends early: never answered.
    case truncated
}

extension RPCCall {
    /// Decodes the header; the reader index of `record` then stands at the arguments.
    package init(consuming record: inout ByteBuffer) throws(RPCRejection) {
        let result = record.withUnsafeReadableBytes(Self.decode)
        let (call, argumentsOffset) = try result.get()
        record.moveReaderIndex(forwardBy: argumentsOffset)
        self = call
    }

    private typealias Decoded = (call: RPCCall, argumentsOffset: Int)

    private static func decode(_ bytes: UnsafeRawBufferPointer) -> Result<Decoded, RPCRejection> {
        do throws(RPCRejection) {
            try checkPrefix(bytes)
        } catch {
            return .failure(error)
        }
        return withUnsafeTemporaryAllocation(of: ctirpc_auth_sys.self, capacity: 1) { scratch in
            // Not initialized: libtirpc writes all of what is read below.
            guard let authSys = scratch.baseAddress else { return .failure(.truncated) }
            var header = ctirpc_call()
            let status = ctirpc_decode_call(
                bytes.baseAddress,
                UInt32(clamping: bytes.count),
                &header,
                authSys
            )
            switch UInt32(status) {
            case CTIRPC_CALL_VALID.rawValue: break
            case CTIRPC_CALL_BAD_CREDENTIAL.rawValue:
                return .failure(.reply(xid: header.xid, .authError(.badCredential)))
            default: return .failure(.truncated)
            }
            let call = RPCCall(
                xid: header.xid,
                program: header.program,
                version: header.version,
                procedure: header.procedure,
                credential: header.flavor == AuthFlavor.sys ? .sys(AuthSys(authSys)) : .none
            )
            return .success((call, Int(header.arguments_offset)))
        }
    }

    /// Rejects what libtirpc must not see or could not tell from garbage: other RPC versions,
    /// other flavors, and bodies longer than its 400 bytes.
    private static func checkPrefix(_ bytes: UnsafeRawBufferPointer) throws(RPCRejection) {
        func word(_ index: Int) throws(RPCRejection) -> UInt32 {
            guard bytes.count >= 4 * index + 4 else { throw .truncated }
            return UInt32(
                bigEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
            )
        }
        let xid = try word(0)
        guard try word(1) == 0 else { throw .notACall }
        guard try word(2) == 2 else { throw .reply(xid: xid, .rpcMismatch(low: 2, high: 2)) }
        let flavor = try word(6)
        let credentialLength = try word(7)
        guard credentialLength <= CTIRPC_AUTH_LIMIT else {
            throw .reply(xid: xid, .authError(.badCredential))
        }
        guard flavor == AuthFlavor.none || flavor == AuthFlavor.sys else {
            throw .reply(xid: xid, .authError(.rejectedCredential))
        }
        let verifier = 8 + (Int(credentialLength) + 3) / 4
        guard try word(verifier + 1) <= CTIRPC_AUTH_LIMIT else {
            throw .reply(xid: xid, .authError(.badVerifier))
        }
    }

    /// Appends the header, as a client sends it.
    ///
    /// The arguments follow.
    package func encode(into buffer: inout ByteBuffer) {
        buffer.writeXDR { writer in
            for word in [xid, 0, 2, program, version, procedure] { writer.write(word) }
            switch credential {
            case .none:
                writer.write(AuthFlavor.none)
                writer.write(0 as UInt32)
            case .sys(let authSys):
                writer.write(AuthFlavor.sys)
                writer.write(UInt32(authSys.encodedByteCount))
                authSys.encode(into: &writer)
            }
            writer.write(AuthFlavor.none)
            writer.write(0 as UInt32)
        }
    }
}

extension AuthSys {
    fileprivate init(_ parameters: UnsafePointer<ctirpc_auth_sys>) {
        let count = Int(min(parameters.pointee.group_count, UInt32(CTIRPC_GROUP_LIMIT)))
        self.init(
            machineName: withUnsafePointer(to: parameters.pointee.machine_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            },
            uid: parameters.pointee.uid,
            gid: parameters.pointee.gid,
            groups: count == 0
                ? []
                : withUnsafeBytes(of: parameters.pointee.groups) { groups in
                    Array(groups.bindMemory(to: UInt32.self).prefix(count))
                }
        )
    }

    fileprivate var encodedByteCount: Int {
        let name = machineName.utf8.count
        return 20 + name + XDRPadding.count(after: name) + 4 * groups.count
    }

    fileprivate func encode(into writer: inout XDRWriter) {
        writer.write(0 as UInt32)  // The stamp: arbitrary.
        writer.write(Array(machineName.utf8))
        writer.write(uid)
        writer.write(gid)
        writer.writeArray(groups)
    }
}
