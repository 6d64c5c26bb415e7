// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// A module and what it may import: the architecture of this program (docs/architecture.md).
func module(_ name: String, _ below: Target.Dependency...) -> Target {
    .target(name: name, dependencies: below, swiftSettings: strict)
}

func tests(_ name: String, _ below: Target.Dependency...) -> Target {
    .testTarget(name: name, dependencies: below, swiftSettings: strict)
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluice", targets: ["sluice"]),
        // For Tests/Fuzz/run alone.
        .executable(name: "fuzz", targets: ["Fuzz"]),
        // For Benchmarks/run alone.
        .executable(name: "simulation", targets: ["SimulationTable"]),
        // For Benchmarks/run alone.
        .executable(name: "cache-cost", targets: ["CacheCost"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C libraries, each imported by one Swift module.
        .systemLibrary(
            name: "CCrypto",
            pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]
        ),
        .systemLibrary(
            name: "CTirpcSystem",
            pkgConfig: "libtirpc",
            providers: [.apt(["libtirpc-dev"])]
        ),
        .target(name: "CTirpc", dependencies: ["CTirpcSystem"]),
        // Linux system calls that Swift's Glibc module does not show.
        .target(name: "CLinux"),

        // Values and codecs: no I/O, no clock, no concurrency.
        module("Cryptography", "CCrypto"),
        module("Bencode"),
        module("BitTorrentProtocol", "Bencode", "Cryptography", nioCore),

        // Decisions: values that receive events and the time, and return actions.
        module("TorrentLogic", "BitTorrentProtocol"),

        // The world: disk, database, sockets.
        module("Sockets", nioCore, nioPosix),
        module(
            "PieceStorage",
            "BitTorrentProtocol",
            "Cryptography",
            "CLinux",
            nioCore,
            nioPosix
        ),
        module(
            "StateStore",
            "BitTorrentProtocol",
            .product(name: "GRDB", package: "GRDB.swift")
        ),
        module(
            "TorrentEngine",
            "TorrentLogic",
            "BitTorrentProtocol",
            "PieceStorage",
            "StateStore",
            "Sockets",
            nioCore,
            nioPosix,
            logging,
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "AsyncHTTPClient", package: "async-http-client")
        ),

        // The file system that every exposure shows.
        module(
            "VirtualTree",
            "TorrentEngine",
            "BitTorrentProtocol",
            "StateStore",
            nioCore
        ),

        // ONC RPC and NFS.
        module("ONCRPC", "CTirpc", nioCore),
        module("NFSProtocol", "ONCRPC", nioCore),
        module(
            "NFSExposure",
            "VirtualTree",
            "NFSProtocol",
            "ONCRPC",
            "Cryptography",
            "Sockets",
            nioCore,
            nioPosix,
            logging
        ),

        .executableTarget(
            name: "sluice",
            dependencies: [
                "NFSExposure", "VirtualTree", "TorrentEngine", "TorrentLogic", "PieceStorage",
                "StateStore", "BitTorrentProtocol", "Cryptography", nioCore, nioPosix, logging,
                "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),

        .target(
            name: "TestSupport",
            dependencies: ["CTirpcSystem"],
            path: "Tests/TestSupport",
            swiftSettings: strict
        ),
        // Not a test target: those are built for debugging, which is too slow for millions of inputs.
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "Bencode", "BitTorrentProtocol", "TorrentLogic", "ONCRPC", "NFSProtocol",
                "NFSExposure", "VirtualTree", "TestSupport", nioCore, nioEmbedded, logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Fuzz",
            exclude: ["run", "Corpus"],
            swiftSettings: strict
        ),
        .target(
            name: "SwarmSimulation",
            dependencies: ["TorrentLogic", "BitTorrentProtocol"],
            path: "Tests/SwarmSimulation/Harness",
            swiftSettings: strict
        ),
        // Optimised too: a table is of thousands of runs.
        .executableTarget(
            name: "SimulationTable",
            dependencies: [
                "SwarmSimulation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/SwarmSimulation/Table",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "CacheCost",
            dependencies: ["TorrentLogic", "BitTorrentProtocol"],
            path: "Tests/CacheCost",
            swiftSettings: strict
        ),
        tests("ArchitectureTests"),
        tests("CryptographyTests", "Cryptography"),
        tests("BencodeTests", "Bencode", "TestSupport"),
        tests(
            "BitTorrentProtocolTests",
            "BitTorrentProtocol",
            "Bencode",
            "Cryptography",
            "TestSupport",
            nioCore
        ),
        tests("TorrentLogicTests", "TorrentLogic", "BitTorrentProtocol", "TestSupport", nioCore),
        tests("SwarmSimulationTests", "SwarmSimulation"),
        tests(
            "PieceStorageTests",
            "PieceStorage",
            "BitTorrentProtocol",
            "Cryptography",
            nioCore,
            nioPosix
        ),
        tests("StateStoreTests", "StateStore", "BitTorrentProtocol"),
        tests(
            "TorrentEngineTests",
            "Bencode",
            "TorrentEngine",
            "TorrentLogic",
            "BitTorrentProtocol",
            "Cryptography",
            "StateStore",
            "PieceStorage",
            nioCore,
            nioPosix,
            logging
        ),
        tests(
            "VirtualTreeTests",
            "VirtualTree",
            "TorrentEngine",
            "BitTorrentProtocol",
            "StateStore",
            nioCore,
            nioEmbedded
        ),
        tests("ONCRPCTests", "ONCRPC", "CTirpcSystem", "TestSupport", nioCore),
        tests("NFSProtocolTests", "NFSProtocol", "ONCRPC", "CTirpcSystem", "TestSupport", nioCore),
        tests(
            "NFSExposureTests",
            "NFSExposure",
            "NFSProtocol",
            "ONCRPC",
            "VirtualTree",
            "BitTorrentProtocol",
            nioCore,
            nioPosix,
            nioEmbedded,
            logging
        ),
        tests(
            "SluiceTests",
            "sluice",
            "BitTorrentProtocol",
            "NFSExposure",
            "TorrentEngine",
            logging
        ),
    ]
)
