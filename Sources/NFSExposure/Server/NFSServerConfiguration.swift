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
    package var connections = 1024
    /// READs of one connection that wait for peers; a further one is told to try later at once.
    package var waitingReads = 4096
    /// Bytes of replies that a connection has not taken yet: above the first number READs are put
    /// off, below the second they go on.
    package var queuedReplyBytes = (high: 2 * 1024 * 1024, low: 1024 * 1024)
    /// Bytes that the disk pool reads for one connection at a time.
    package var diskReadBytes = 16 * 1024 * 1024
    /// Calls of one connection that are put off; with more, nothing is read from it.
    package var deferredCalls = 1024
    /// Bytes of small replies after which every call is put off until the client takes some.
    package var smallReplyBytes = 4 * 1024 * 1024
    /// Time in which a record that has begun must be complete.
    package var partialRecordTimeout = Duration.seconds(30)
    /// rtmax: libnfs takes no records above 8 MiB, Linux asks for 1 MiB at most.
    package var readByteCount = 1024 * 1024
    /// Mounts remembered for DUMP.
    package var mountRecords = 1024
    /// Replaces the patience of all exports; for tests, which do not wait for seconds.
    package var waitPolicy: ReadWaitPolicy?

    package init() {}
}
