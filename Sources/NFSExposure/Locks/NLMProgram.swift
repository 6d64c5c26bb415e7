import Logging
import NFSProtocol
import NIOCore
import ONCRPC
import VirtualTree

/// Program 100021, version 4: locks, so that a mount without `nolock` can lock a file.
///
/// A lock that is not free is answered "blocked" to a caller that would wait, who asks again by
/// itself (Linux: after 30 s); nobody is called back.
struct NLMProgram {
    static let version: UInt32 = 4

    let service: NFSService

    /// Encodes the whole reply message, without a record mark.
    func answer(_ call: RPCCall, arguments: ByteBuffer, caller: Caller) -> ByteBuffer {
        guard call.version == Self.version else {
            return call.refusal(.programMismatch(low: Self.version, high: Self.version))
        }
        guard let procedure = NLM4Procedure(rawValue: call.procedure) else {
            return call.refusal(.procedureUnavailable)
        }
        do throws(XDRError) {
            switch procedure {
            case .null: return call.reply(XDRVoid())
            case .test:
                let wanted = try arguments.decodeArguments(NLM4TestArguments.self)
                return call.reply(test(wanted, caller))
            case .lock, .lockWithoutMonitor:
                let wanted = try arguments.decodeArguments(NLM4LockArguments.self)
                let status = lock(wanted, caller)
                return call.reply(NLM4Result(cookie: wanted.cookie, status: status))
            case .cancel:
                // Nobody waits in a queue here.
                let wanted = try arguments.decodeArguments(NLM4CancelArguments.self)
                return call.reply(NLM4Result(cookie: wanted.cookie, status: .granted))
            case .unlock:
                let wanted = try arguments.decodeArguments(NLM4UnlockArguments.self)
                let status = unlock(wanted.lock, caller)
                return call.reply(NLM4Result(cookie: wanted.cookie, status: status))
            case .share, .unshare:
                // Modes of opening deny nothing on a share that nobody writes to.
                let wanted = try arguments.decodeArguments(NLM4ShareArguments.self)
                let result = NLM4Result(cookie: wanted.cookie, status: .granted)
                return call.reply(NLM4ShareResult(result))
            case .freeAll:
                let notice = try arguments.decodeArguments(NLM4Notice.self)
                let host = LockTable.Host(address: caller.address, name: notice.callerName)
                service.withLocks { $0.freeAll(of: host) }
                return call.reply(XDRVoid())
            }
        } catch {
            return call.refusal(.garbageArguments)
        }
    }

    private func test(_ wanted: NLM4TestArguments, _ caller: Caller) -> NLM4TestResult {
        guard let file = file(wanted.lock.file, caller) else {
            return .other(NLM4Result(cookie: wanted.cookie, status: .stale))
        }
        let lock = tableLock(wanted.lock, isExclusive: wanted.isExclusive, caller)
        guard let conflict = service.withLocks({ $0.conflict(with: lock, on: file) }) else {
            return .other(NLM4Result(cookie: wanted.cookie, status: .granted))
        }
        let isToTheEnd = conflict.range.upperBound == .max
        let holder = NLM4Holder(
            isExclusive: conflict.isExclusive,
            process: conflict.owner.process,
            owner: conflict.owner.key,
            offset: conflict.range.lowerBound,
            length: isToTheEnd ? 0 : conflict.range.upperBound - conflict.range.lowerBound
        )
        return .denied(cookie: wanted.cookie, holder)
    }

    private func lock(_ wanted: NLM4LockArguments, _ caller: Caller) -> NLM4Status {
        guard let file = file(wanted.lock.file, caller) else { return .stale }
        let lock = tableLock(wanted.lock, isExclusive: wanted.isExclusive, caller)
        switch service.withLocks({ $0.lock(lock, on: file, state: wanted.state) }) {
        case .granted: return .granted
        case .conflict: return wanted.blocks ? .blocked : .denied
        case .full:
            service.reportRefusal("too many locks", metadata: ["peer": "\(caller.address)"])
            return .noLocks
        }
    }

    private func unlock(_ wanted: NLM4Lock, _ caller: Caller) -> NLM4Status {
        guard let file = file(wanted.file, caller) else { return .stale }
        let lock = tableLock(wanted, isExclusive: false, caller)
        service.withLocks { $0.unlock(lock.range, of: lock.owner, on: file) }
        return .granted
    }

    /// The file of a handle, if the caller may read it.
    private func file(_ handle: NFS3FileHandle, _ caller: Caller) -> FileID? {
        guard let decoded = service.handles.decode(handle),
            case .allowed = caller.verdict(onExport: decoded.exportID),
            case .file(let file) = service.tree.node(decoded.id)
        else { return nil }
        return file.id
    }

    private func tableLock(
        _ lock: NLM4Lock,
        isExclusive: Bool,
        _ caller: Caller
    ) -> LockTable.Lock {
        LockTable.Lock(
            owner: LockTable.Owner(
                host: LockTable.Host(address: caller.address, name: lock.callerName),
                key: lock.owner,
                process: lock.process
            ),
            isExclusive: isExclusive,
            range: LockTable.range(offset: lock.offset, length: lock.length)
        )
    }
}
