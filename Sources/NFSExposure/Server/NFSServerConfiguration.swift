package import NIOCore

/// Where the NFS server listens, and the numbers that bound it.
package struct NFSServerConfiguration: Sendable {
    /// Addresses to listen at; one whose family the system lacks is passed over.
    package var addresses = ["0.0.0.0", "::"]
    /// NFS, MOUNT and locks on the same port.
    ///
    /// 0 lets the system choose, for tests.
    package var port = 2049
    /// Whether MOUNT and locks are served over UDP too, on the same port number: Linux asks for the
    /// former first, and takes TCP where there is none.
    package var servesUDP = true
    package var registersWithRPCBind = true
    /// Whether a portmapper of our own answers where no rpcbind does.
    package var startsPortmapper = false
    /// Where clients ask for ports; another number is for tests.
    package var portmapperPort = 111
    package var limits = NFSLimits()
    /// Tells the names of a client and which of the netgroups it is in; fails if that takes too long.
    package var clientNames:
        @Sendable (IPAddress, Set<String>, any EventLoop) -> EventLoopFuture<ClientHost> = {
            HostResolver.host($0, netgroups: $1, on: $2, within: .seconds(5))
        }

    package init() {}
}

/// The bounds of the NFS server.
///
/// Every table and queue of it is one of these.
package struct NFSLimits: Sendable {
    /// Bytes of one call.
    ///
    /// No call of a server that takes no writes needs more.
    package var recordByteCount = 64 * 1024
    /// Of all clients together; where the system allows fewer files, those.
    package var connections = 4096
    /// Of one host, in IPv6 of one network of 64 bits: half of all, so that others get in.
    package var connectionsPerHost = 2048
    /// READs of one connection that wait for peers; a further one is told to try later at once.
    package var waitingReads = 4096
    /// The same of all connections: each takes about 2 KiB.
    package var allWaitingReads = 16 * 1024
    /// Calls of one connection that are put off, and READs that wait for their turn to be sent; with
    /// more, nothing is read from it.
    package var deferredCalls = 1024
    /// Bytes of replies without data behind which calls are put off until the client takes some.
    package var replyBytes = 64 * 1024
    /// Bytes of a READ that are taken from the page cache at a time, and of which as many wait in
    /// memory for a client that takes nothing: usually, for a client on this machine, and when
    /// ``heldBytes`` do.
    ///
    /// A client on this machine takes a part sooner than the next one is there, and sleeps: what wakes it
    /// costs more than what it takes.
    package var chunkByteCount = (usual: 256 * 1024, local: 1024 * 1024, crowded: 16 * 1024)
    /// Bytes that all clients together may leave untaken before it is less.
    package var heldBytes = 64 * 1024 * 1024
    /// Bytes that the kernel keeps for a client beyond those that are under way (TCP_NOTSENT_LOWAT):
    /// what is sent next waits behind them, which on this machine takes no time to speak of.
    package var unsentBytes = (usual: 256 * 1024, local: 1024 * 1024)
    /// Bytes of READs that one connection sends before the others of its loop have their turn.
    package var turnByteCount = 512 * 1024
    /// Bytes that the disk pool reads for one connection at a time, beside those of one READ.
    package var diskReadBytes = 4 * 1024 * 1024
    /// Of a READ that needs the disk while ``heldBytes`` are exceeded: it is answered short.
    package var crowdedReadByteCount: UInt64 = 64 * 1024
    /// Time in which a record that has begun must be complete.
    package var partialRecordTimeout = Duration.seconds(30)
    /// rtmax: libnfs takes no records above 8 MiB, Linux asks for 1 MiB at most.
    package var readByteCount = 1024 * 1024
    /// Mounts remembered for DUMP.
    package var mountRecords = 1024
    /// Time without a connection after which a client is taken to read no more.
    package var absence = Duration.seconds(5)
    /// Replaces the patience of all exports; for tests, which do not wait for seconds.
    package var waitPolicy: ReadWaitPolicy?

    package init() {}
}
