/// What to type to see the share: printed when the server is ready.
struct MountHints: Equatable {
    let host: String
    let port: Int
    /// The path to mount.
    let path: String
    /// Whether rpcbind of this host names our ports.
    let isRegistered: Bool

    init(configuration: Configuration, hostName: String, isRegistered: Bool) {
        let address = configuration.nfs.address
        host =
            switch address {
            case "0.0.0.0", "::": hostName
            case _ where address.contains(":"): "[\(address)]"
            default: address
            }
        port = configuration.nfs.port
        path = configuration.nfs.root
        self.isRegistered = isRegistered
    }

    var lines: [String] {
        [
            "list it:   nfs-ls '\(url)'",
            "mount it:  sudo mount -t nfs -o \(mountOptions) \(host):\(path) /mnt",
            "in Kodi:   \(kodi)",
        ]
    }

    /// libnfs asks rpcbind for both ports unless the address names them.
    private var url: String {
        let place = "nfs://\(host)\(path)"
        return isRegistered ? place : "\(place)?nfsport=\(port)&mountport=\(port)"
    }

    /// Locks need a server that keeps them, hence `nolock`; the rest is for a host without rpcbind.
    private var mountOptions: String {
        isRegistered
            ? "nfsvers=3,nolock" : "nfsvers=3,nolock,proto=tcp,port=\(port),mountport=\(port)"
    }

    /// Kodi has no field for a port: it asks rpcbind.
    private var kodi: String {
        isRegistered
            ? "Videos > Files > Add videos > Browse > Add network location: Network File System "
                + "(NFS), server \(host), remote path \(path)"
            : "it finds shares through rpcbind alone; install and start rpcbind here, then restart"
    }
}
