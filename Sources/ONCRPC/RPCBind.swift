import CTirpc

/// Tells rpcbind (RFC 1833) on this host at which port a program listens.
///
/// Every function blocks, up to a minute if rpcbind hangs: call it off event loops. Register and
/// unregister as the same user, since rpcbind lets nobody but the owner and root remove a mapping.
package enum RPCBind {
    /// A transport by its netid (RFC 5665).
    package enum Transport: String, CaseIterable, Sendable {
        case tcp, udp, tcp6, udp6
    }

    /// One mapping: a program and version on a transport.
    package struct Mapping: Hashable, Sendable {
        package let program: UInt32
        package let version: UInt32
        package let transport: Transport

        package init(program: UInt32, version: UInt32, transport: Transport) {
            self.program = program
            self.version = version
            self.transport = transport
        }
    }

    /// How rpcbind answered.
    package enum Outcome: Equatable, Sendable {
        case done
        /// rpcbind is not running.
        case absent
        /// rpcbind said no: another user owns the mapping.
        case refused
        /// The system does not know the transport (/etc/netconfig).
        case noTransport
    }

    /// Maps to the wildcard address and `port`, in place of an earlier mapping.
    package static func register(_ mapping: Mapping, port: UInt16) -> Outcome {
        Outcome(
            ctirpc_bind_set(
                mapping.program,
                mapping.version,
                mapping.transport.rawValue,
                port
            )
        )
    }

    /// Removes a mapping; one that does not exist counts as removed.
    package static func unregister(_ mapping: Mapping) -> Outcome {
        Outcome(ctirpc_bind_unset(mapping.program, mapping.version, mapping.transport.rawValue))
    }
}

extension RPCBind.Outcome {
    fileprivate init(_ status: Int32) {
        self =
            switch UInt32(status) {
            case CTIRPC_BIND_DONE.rawValue: .done
            case CTIRPC_BIND_ABSENT.rawValue: .absent
            case CTIRPC_BIND_NO_TRANSPORT.rawValue: .noTransport
            default: .refused
            }
    }
}
