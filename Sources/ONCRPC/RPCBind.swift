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

    /// A mapping with the port that it leads to.
    package struct Registration: Hashable, Sendable {
        package let mapping: Mapping
        package let port: UInt16

        package init(mapping: Mapping, port: UInt16) {
            self.mapping = mapping
            self.port = port
        }
    }

    /// More than any host has.
    private static let registrationLimit = 1024

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

    /// What is mapped, by whomever, on the transports that have a name here.
    ///
    /// - Returns: `nil` if rpcbind does not answer.
    package static func registrations() -> Set<Registration>? {
        var mappings = [ctirpc_mapping](repeating: ctirpc_mapping(), count: registrationLimit)
        let count = ctirpc_bind_list(&mappings, UInt32(registrationLimit))
        guard count >= 0 else { return nil }
        return Set(
            mappings.prefix(Int(count)).compactMap { entry in
                let netid = withUnsafeBytes(of: entry.netid) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                return Transport(rawValue: netid).map {
                    let mapping = Mapping(
                        program: entry.program,
                        version: entry.version,
                        transport: $0
                    )
                    return Registration(mapping: mapping, port: entry.port)
                }
            }
        )
    }

    /// Maps to the wildcard address and `port`, in place of an earlier mapping: for a moment there is
    /// neither.
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
