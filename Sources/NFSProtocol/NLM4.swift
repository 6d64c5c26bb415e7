package import ONCRPC

/// The procedures of program 100021, version 4, the lock protocol beside NFS 3 (Open Group C702,
/// "Protocols for Interworking: XNFS", chapter 14).
///
/// Those that are answered by another call instead of a reply (6 to 15) are left out.
package enum NLM4Procedure: UInt32, CaseIterable, Sendable {
    case null = 0  // NLMPROC4_NULL
    case test = 1  // NLMPROC4_TEST
    case lock = 2  // NLMPROC4_LOCK
    case cancel = 3  // NLMPROC4_CANCEL
    case unlock = 4  // NLMPROC4_UNLOCK
    case share = 20  // NLMPROC4_SHARE
    case unshare = 21  // NLMPROC4_UNSHARE
    case lockWithoutMonitor = 22  // NLMPROC4_NM_LOCK
    case freeAll = 23  // NLMPROC4_FREE_ALL
}

/// nlm4_stats.
package enum NLM4Status: UInt32, Sendable {
    case granted = 0  // NLM4_GRANTED
    case denied = 1  // NLM4_DENIED
    case noLocks = 2  // NLM4_DENIED_NOLOCKS
    case blocked = 3  // NLM4_BLOCKED
    case gracePeriod = 4  // NLM4_DENIED_GRACE_PERIOD
    case deadlock = 5  // NLM4_DEADLCK
    case readOnly = 6  // NLM4_ROFS
    case stale = 7  // NLM4_STALE_FH
    case tooBig = 8  // NLM4_FBIG
    case failed = 9  // NLM4_FAILED
}

/// What XNFS allows, in bytes.
package enum NLM4Limit {
    package static let netobjByteCount = 1024  // MAXNETOBJ_SZ
    package static let nameByteCount = 1024  // LM_MAXSTRLEN
}

/// nlm4_lock: { string caller_name; netobj fh, oh; int32 svid; uint64 l_offset, l_len; }.
package struct NLM4Lock: Equatable, Sendable {
    /// The host that asks, as it calls itself.
    package let callerName: [UInt8]
    package let file: NFS3FileHandle
    /// Who on that host, opaque, and its process.
    package let owner: [UInt8]
    package let process: UInt32
    package let offset: UInt64
    /// 0 stands for all that follows.
    package let length: UInt64

    package init(
        callerName: [UInt8],
        file: NFS3FileHandle,
        owner: [UInt8],
        process: UInt32,
        offset: UInt64,
        length: UInt64
    ) {
        self.callerName = callerName
        self.file = file
        self.owner = owner
        self.process = process
        self.offset = offset
        self.length = length
    }
}

extension NLM4Lock: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        callerName = try reader.readBytes(limit: NLM4Limit.nameByteCount)
        file = try NFS3FileHandle(from: &reader)
        owner = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        process = try reader.readUInt32()
        offset = try reader.readUInt64()
        length = try reader.readUInt64()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(callerName)
        file.encode(into: &writer)
        writer.write(owner)
        writer.write(process)
        writer.write(offset)
        writer.write(length)
    }
}

/// nlm4_testargs: { netobj cookie; bool exclusive; nlm4_lock alock; }.
package struct NLM4TestArguments: Equatable, Sendable {
    package let cookie: [UInt8]
    package let isExclusive: Bool
    package let lock: NLM4Lock

    package init(cookie: [UInt8], isExclusive: Bool, lock: NLM4Lock) {
        self.cookie = cookie
        self.isExclusive = isExclusive
        self.lock = lock
    }
}

extension NLM4TestArguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        isExclusive = try reader.readBool()
        lock = try NLM4Lock(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(cookie)
        writer.write(isExclusive)
        lock.encode(into: &writer)
    }
}

/// nlm4_lockargs: { netobj cookie; bool block, exclusive; nlm4_lock alock; bool reclaim; int state; }.
package struct NLM4LockArguments: Equatable, Sendable {
    package let cookie: [UInt8]
    /// Whether the caller will wait for the lock.
    package let blocks: Bool
    package let isExclusive: Bool
    package let lock: NLM4Lock
    /// Whether the lock was held before this server was started.
    package let isReclaim: Bool
    /// Another number after each start of the host that asks.
    package let state: UInt32

    package init(
        cookie: [UInt8],
        blocks: Bool,
        isExclusive: Bool,
        lock: NLM4Lock,
        isReclaim: Bool,
        state: UInt32
    ) {
        self.cookie = cookie
        self.blocks = blocks
        self.isExclusive = isExclusive
        self.lock = lock
        self.isReclaim = isReclaim
        self.state = state
    }
}

extension NLM4LockArguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        blocks = try reader.readBool()
        isExclusive = try reader.readBool()
        lock = try NLM4Lock(from: &reader)
        isReclaim = try reader.readBool()
        state = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(cookie)
        writer.write(blocks)
        writer.write(isExclusive)
        lock.encode(into: &writer)
        writer.write(isReclaim)
        writer.write(state)
    }
}

/// nlm4_cancargs: { netobj cookie; bool block, exclusive; nlm4_lock alock; }.
package struct NLM4CancelArguments: Equatable, Sendable {
    package let cookie: [UInt8]
    package let blocks: Bool
    package let isExclusive: Bool
    package let lock: NLM4Lock

    package init(cookie: [UInt8], blocks: Bool, isExclusive: Bool, lock: NLM4Lock) {
        self.cookie = cookie
        self.blocks = blocks
        self.isExclusive = isExclusive
        self.lock = lock
    }
}

extension NLM4CancelArguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        blocks = try reader.readBool()
        isExclusive = try reader.readBool()
        lock = try NLM4Lock(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(cookie)
        writer.write(blocks)
        writer.write(isExclusive)
        lock.encode(into: &writer)
    }
}

/// nlm4_unlockargs: { netobj cookie; nlm4_lock alock; }.
package struct NLM4UnlockArguments: Equatable, Sendable {
    package let cookie: [UInt8]
    package let lock: NLM4Lock

    package init(cookie: [UInt8], lock: NLM4Lock) {
        self.cookie = cookie
        self.lock = lock
    }
}

extension NLM4UnlockArguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        lock = try NLM4Lock(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(cookie)
        lock.encode(into: &writer)
    }
}

/// nlm4_shareargs: { netobj cookie; { string caller_name; netobj fh, oh; int mode, access; } share;
/// bool reclaim; }.
package struct NLM4ShareArguments: Equatable, Sendable {
    package let cookie: [UInt8]
    package let callerName: [UInt8]
    package let file: NFS3FileHandle
    package let owner: [UInt8]
    package let mode: UInt32
    package let access: UInt32
    package let isReclaim: Bool

    package init(
        cookie: [UInt8],
        callerName: [UInt8],
        file: NFS3FileHandle,
        owner: [UInt8],
        mode: UInt32,
        access: UInt32,
        isReclaim: Bool
    ) {
        self.cookie = cookie
        self.callerName = callerName
        self.file = file
        self.owner = owner
        self.mode = mode
        self.access = access
        self.isReclaim = isReclaim
    }
}

extension NLM4ShareArguments: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        callerName = try reader.readBytes(limit: NLM4Limit.nameByteCount)
        file = try NFS3FileHandle(from: &reader)
        owner = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        mode = try reader.readUInt32()
        access = try reader.readUInt32()
        isReclaim = try reader.readBool()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(cookie)
        writer.write(callerName)
        file.encode(into: &writer)
        writer.write(owner)
        writer.write(mode)
        writer.write(access)
        writer.write(isReclaim)
    }
}

/// nlm4_notify: { string name; int state; }, the argument of FREE_ALL.
package struct NLM4Notice: Equatable, Sendable {
    package let callerName: [UInt8]
    package let state: UInt32

    package init(callerName: [UInt8], state: UInt32) {
        self.callerName = callerName
        self.state = state
    }
}

extension NLM4Notice: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        callerName = try reader.readBytes(limit: NLM4Limit.nameByteCount)
        state = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(callerName)
        writer.write(state)
    }
}
