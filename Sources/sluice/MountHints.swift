import Glibc
import Logging

/// What to type to see the share: printed when the server is ready.
struct MountHints: Equatable {
    let host: String
    let port: Int
    /// The path to mount.
    let path: String
    /// Whether rpcbind of this host, or a portmapper of ours, names our ports.
    let isRegistered: Bool

    /// - Parameter isMapped: whether a portmapper of ours names the ports.
    init(configuration: Configuration, isMapped: Bool) {
        self.init(
            configuration: configuration,
            hostName: Self.hostName,
            isRegistered: isMapped || configuration.nfs.usesRPCBind && Self.isPortmapperRunning
        )
    }

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

    func log(to logger: Logger) {
        for line in lines { logger.notice("\(line)") }
    }

    var lines: [String] {
        [
            "list it:   nfs-ls '\(url)'",
            "mount it:  sudo mount -t nfs -o \(mountOptions) \(host):\(path) /mnt",
            "in Kodi:   \(kodi)",
        ]
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether somebody says at port 111 where services are: rpcbind, or a server of ours.
    static var isPortmapperRunning: Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(111).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, size) == 0
            }
        }
    }

    /// libnfs asks port 111 for both ports unless the address names them.
    private var url: String {
        let place = "nfs://\(host)\(path)"
        return isRegistered ? place : "\(place)?nfsport=\(port)&mountport=\(port)"
    }

    /// The ports are for a host where port 111 is silent; locks are looked for there, too.
    private var mountOptions: String {
        isRegistered ? "nfsvers=3" : "nfsvers=3,nolock,proto=tcp,port=\(port),mountport=\(port)"
    }

    /// Kodi has no field for a port: it asks port 111.
    private var kodi: String {
        isRegistered
            ? "Videos > Files > Add videos > Browse > Add network location: Network File System "
                + "(NFS), server \(host), remote path \(path)"
            : "it finds shares through port 111 alone: run as root, or start rpcbind here, then restart"
    }
}
