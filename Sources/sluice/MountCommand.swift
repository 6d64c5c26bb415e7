import Glibc

/// How the share of a server on this machine is mounted best by this kernel.
struct MountCommand: Equatable {
    /// What `mount` is called with.
    let arguments: [String]

    /// - Parameters:
    ///   - export: the path that is mounted; `nil` is the whole tree.
    ///   - directory: where.
    ///   - kernel: its release, as `uname -r` has it.
    ///   - findsLocks: whether port 111 says where locks are served.
    init(
        configuration: Configuration,
        export: String?,
        directory: String,
        kernel: String,
        findsLocks: Bool
    ) {
        let address = configuration.nfs.address
        let host =
            switch address {
            case "0.0.0.0": "127.0.0.1"
            case "::": "[::1]"
            case _ where address.contains(":"): "[\(address)]"
            default: address
            }
        let port = configuration.nfs.port
        var options = [
            "vers=3", "proto=\(host.hasPrefix("[") ? "tcp6" : "tcp")", "port=\(port)",
            "mountport=\(port)", "mountproto=\(host.hasPrefix("[") ? "tcp6" : "tcp")",
            // Without a peer a READ waits: no error for the program that reads.
            "hard", "ro", "noatime", "rsize=1048576",
            // New torrents are seen within seconds: to ask this machine costs nothing.
            "acdirmin=1", "acdirmax=5",
        ]
        // Several connections are served by several loops.
        if Self.version(kernel) >= (5, 3) { options.append("nconnect=2") }
        if !findsLocks { options.append("nolock") }
        arguments = [
            "-t", "nfs", "-o", options.joined(separator: ","),
            "\(host):\(export ?? configuration.nfs.root)", directory,
        ]
    }

    /// As a shell takes it.
    var text: String {
        (["mount"] + arguments).map(Self.quoted).joined(separator: " ")
    }

    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy {
            (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0)
                || "-_./:=,[]".utf8.contains($0)
        }
        return isPlain && !word.contains("[")
            ? word : "'\(word.replacing("'", with: #"'\''"#))'"
    }

    private static func version(_ release: String) -> (Int, Int) {
        let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).map { Int($0) ?? 0 }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : (0, 0)
    }
}
