import Logging
import NFSProtocol
import NIOCore
import ONCRPC
import VirtualTree

/// Program 100005, versions 1 and 3 (RFC 1813 appendix I, RFC 1094 appendix A).
struct MountProgram {
    let service: NFSService

    /// Encodes the whole reply message, without a record mark.
    func answer(_ call: RPCCall, arguments: ByteBuffer, caller: Caller) -> ByteBuffer {
        guard let procedure = MountProcedure(rawValue: call.procedure) else {
            return call.refusal(.procedureUnavailable)
        }
        do throws(XDRError) {
            switch procedure {
            case .null: return call.reply(XDRVoid())
            case .mount:
                let path = try arguments.decodeArguments(MountPath.self).path
                return mount(call, path: path, caller: caller)
            case .dump:
                return call.reply(mounts(for: caller))
            case .unmount:
                let path = try arguments.decodeArguments(MountPath.self).path
                let text = String(decoding: path, as: UTF8.self)
                unmount(caller) { $0.remove(host: "\(caller.address)", path: text) }
                return call.reply(XDRVoid())
            case .unmountAll:
                unmount(caller) { $0.removeAll(host: "\(caller.address)") }
                return call.reply(XDRVoid())
            case .export: return call.reply(exportList(for: caller))
            }
        } catch {
            return call.refusal(.garbageArguments)
        }
    }

    /// Only what the caller may mount: libnfs mounts every listed path below its own and gives up
    /// if one is refused.
    private func exportList(for caller: Caller) -> ExportList {
        ExportList(
            entries: caller.mountableExports.map { export in
                ExportEntry(
                    directory: Array(export.path.utf8),
                    groups: export.rules.map { MountGroup(name: Array($0.client.utf8)) }
                )
            }
        )
    }

    /// Nothing for who may mount nothing: what others do is not his business, and over UDP a small
    /// call with a forged sender must not become a long answer to somebody else.
    private func mounts(for caller: Caller) -> MountList {
        guard !caller.mountableExports.isEmpty else {
            return MountList(entries: [])
        }
        return MountList(
            entries: service.withMountLog { $0.records }.map {
                MountEntry(hostName: Array($0.host.utf8), directory: Array($0.path.utf8))
            }
        )
    }

    private func mount(_ call: RPCCall, path: [UInt8], caller: Caller) -> ByteBuffer {
        let result = resolve(path, caller: caller)
        let text = String(decoding: path, as: UTF8.self)
        switch result {
        case .failure(let status):
            var facts: Logger.Metadata = [
                "peer": "\(caller.address)", "path": "\(text)", "status": "\(status)",
            ]
            if caller.exports.needsNames(of: caller.address) {
                let names = caller.host.names.joined(separator: ", ")
                facts["name"] = "\(names.isEmpty ? "unknown" : names)"
            }
            service.reportRefusal("mount refused", metadata: facts)
            return call.version == 1
                ? call.reply(Mount1Result.failure(status.rawValue))
                : call.reply(Mount3Result.failure(status))
        case .success(let (handle, access)):
            // A handle of version 1 has 32 bytes, which do not hold an identity.
            if call.version == 1 {
                return call.reply(Mount1Result.failure(MountStatus.invalidArgument.rawValue))
            }
            service.withMountLog { $0.add(host: "\(caller.address)", path: text) }
            service.reportMount(of: text, export: access.export, by: caller.address)
            var flavors: [UInt32] = []
            if access.options.allowsSys { flavors.append(AuthFlavor.sys) }
            if access.options.allowsNone { flavors.append(AuthFlavor.none) }
            return call.reply(Mount3Result.success(handle, authFlavors: flavors))
        }
    }

    /// Who has unmounted everything that it had mounted reads no more.
    private func unmount(_ caller: Caller, _ remove: (inout MountLog) -> Void) {
        let host = "\(caller.address)"
        let hasLeft = service.withMountLog { log in
            let before = log.hasMounts(host: host)
            remove(&log)
            return before && !log.hasMounts(host: host)
        }
        if hasLeft { service.clients.unmounted(caller.address) }
    }

    private func resolve(
        _ path: [UInt8],
        caller: Caller
    ) -> Result<(NFS3FileHandle, Caller.Access), MountStatus> {
        let components = path.split(separator: Ascii.slash).map(Array.init)
        guard !components.contains(where: { $0 == [0x2e] || $0 == [0x2e, 0x2e] || $0.contains(0) })
        else { return .failure(.accessDenied) }
        guard components.allSatisfy({ $0.count <= 255 }) else { return .failure(.nameTooLong) }
        let path = mountPath(components, caller: caller)
        // Of what is exported to others nobody is told whether it exists.
        guard let export = caller.exports.export(covering: path) else {
            return .failure(caller.exports.isInTree(path) ? .accessDenied : .noEntry)
        }
        guard let options = export.options(for: caller.host, port: caller.port) else {
            return .failure(.accessDenied)
        }
        let below = path.dropFirst(export.pathComponents.count)
        switch service.node(at: export.components + below) {
        case nil: return .failure(.noEntry)
        case .file: return .failure(.notDirectory)
        case .directory(let directory):
            let handle = FileHandle(exportID: export.id, id: directory.id)
            return .success(
                (service.handles.encode(handle), Caller.Access(export: export, options: options))
            )
        }
    }

    /// "/" stands for the export of a caller that has but one, else for the tree.
    private func mountPath(_ components: [[UInt8]], caller: Caller) -> [[UInt8]] {
        guard components.isEmpty else { return components }
        let mountable = caller.mountableExports
        return mountable.count == 1 ? mountable[0].pathComponents : caller.exports.treeComponents
    }
}
