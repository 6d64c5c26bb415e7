import Glibc
import NFSExposure

/// How the share of a server on this machine is mounted best by this kernel.
struct MountCommand: Equatable {
    /// What `mount` is called with.
    let arguments: [String]

    /// - Parameters:
    ///   - export: the path that is mounted.
    ///   - directory: where.
    ///   - kernel: its release, as `uname -r` has it.
    ///   - findsLocks: whether port 111 says where locks are served.
    init(
        configuration: Configuration,
        export: String,
        directory: String,
        kernel: String,
        findsLocks: Bool
    ) {
        let address = Self.address(of: configuration)
        let host = address.contains(":") ? "[\(address)]" : address
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
            "\(host):\(export)", directory,
        ]
    }

    /// Where this machine reaches the server, and what the server sees it as.
    static func address(of configuration: Configuration) -> String {
        switch configuration.nfs.address {
        case "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        case let address: address
        }
    }

    /// The path to mount, if the exports let this machine mount it: the wish, or without one the whole
    /// tree, or the only directory that there is for it.
    ///
    /// - Throws: `Fault` that says what to type.
    static func path(
        _ wish: String?,
        in exports: ExportTable,
        as host: ClientHost,
        file: String
    ) throws -> String {
        // mount(8) calls from a port below 1024.
        let paths = exports.exports(for: host, port: 1023).map(\.path)
        let allowed = paths.joined(separator: ", ")
        guard let first = paths.first else {
            throw Fault(
                description: "\(file) lets \(host.address), which is this machine, mount nothing; "
                    + "add a line: \(exports.treePath) \(host.address)"
            )
        }
        if let wish {
            let components = wish.utf8.split(separator: UInt8(ascii: "/")).map(Array.init)
            guard wish.hasPrefix("/"), let export = exports.export(covering: components),
                paths.contains(export.path)
            else {
                throw Fault(
                    description: "this machine may not mount “\(wish)”; it may mount \(allowed)"
                        + ", and what is below"
                )
            }
            return wish
        }
        if paths.contains(exports.treePath) { return exports.treePath }
        guard paths.count == 1 else {
            throw Fault(
                description: "this machine may not mount the whole tree; say which: --export "
                    + paths.joined(separator: ", or --export ")
            )
        }
        return first
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
