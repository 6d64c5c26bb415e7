import NFSProtocol
import NIOCore
import ONCRPC
import Testing

/// One value of every type that crosses the wire, without its type.
struct Sample: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    /// Decodes all of the bytes and encodes the value again.
    let recode: @Sendable ([UInt8]) throws(XDRError) -> [UInt8]
    /// Decodes the bytes and compares with the value.
    let decodesToItself: @Sendable () throws -> Bool

    var testDescription: String { name }

    init<T: XDRCodable & Equatable & Sendable>(_ value: T, _ name: String? = nil) {
        let bytes = Self.encode(value)
        self.name = name ?? "\(T.self)"
        self.bytes = bytes
        recode = { (bytes) throws(XDRError) in
            Self.encode(try ByteBuffer(bytes: bytes).decodeArguments(T.self))
        }
        decodesToItself = {
            try ByteBuffer(bytes: bytes).decodeArguments(T.self, slack: 0) == value
        }
    }

    static func encode(_ value: some XDREncodable) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeXDR(value)
        return Array(buffer.readableBytesView)
    }
}

enum Values {
    static let handle = NFS3FileHandle((1...48).map { UInt8($0) }) ?? empty
    static let oddHandle = NFS3FileHandle([1, 2, 3, 4, 5]) ?? empty
    static let empty = NFS3FileHandle([]).unsafelyUnwrapped
    static let lock = NLM4Lock(
        callerName: Array("guest".utf8),
        file: handle,
        owner: [1, 2, 3, 4, 5],
        process: 77,
        offset: 1 << 33,
        length: 4096
    )
    static let time = NFS3Time(seconds: 1_700_000_000, nanoseconds: 999_999_999)
    static let attributes = NFS3FileAttributes(
        type: .regular,
        mode: 0o444,
        linkCount: 1,
        uid: 1000,
        gid: 100,
        size: 1 << 40,
        used: 1 << 30,
        device: NFS3DeviceNumber(major: 8, minor: 1),
        fileSystemID: 0xF51D,
        fileID: 0x1122_3344_5566_7788,
        accessTime: time,
        modificationTime: NFS3Time(seconds: 1, nanoseconds: 2),
        changeTime: NFS3Time(seconds: 3, nanoseconds: 4)
    )
    static let setAttributes = NFS3SetAttributes(
        mode: 0o644,
        uid: 1,
        gid: 2,
        size: 3,
        accessTime: .serverTime,
        modificationTime: .clientTime(time)
    )
    static let change = NFS3WeakCacheData(
        before: NFS3WeakCacheAttributes(size: 9, modificationTime: time, changeTime: time),
        after: attributes
    )
    static let what = NFS3DirectoryOperation(directory: handle, name: Array("film.mkv".utf8))
    static let other = NFS3DirectoryOperation(directory: oddHandle, name: [0xFF, 0xFE, 0x2E])
}

extension Sample {
    static let arguments: [Sample] = [
        Sample(GETATTR3Arguments(object: Values.handle)),
        Sample(SETATTR3Arguments(object: Values.handle, attributes: Values.setAttributes)),
        Sample(
            SETATTR3Arguments(
                object: Values.oddHandle,
                attributes: NFS3SetAttributes(),
                guardTime: Values.time
            ),
            "SETATTR3Arguments with guard"
        ),
        Sample(LOOKUP3Arguments(what: Values.what)),
        Sample(ACCESS3Arguments(object: Values.handle, access: [.read, .lookup, .execute])),
        Sample(READLINK3Arguments(link: Values.handle)),
        Sample(READ3Arguments(file: Values.handle, offset: .max, count: 1 << 20)),
        Sample(CREATE3Arguments(location: Values.what, mode: .unchecked(Values.setAttributes))),
        Sample(
            CREATE3Arguments(location: Values.what, mode: .guarded(Values.setAttributes)),
            "CREATE3Arguments guarded"
        ),
        Sample(
            CREATE3Arguments(location: Values.what, mode: .exclusive(verifier: 0x0102_0304)),
            "CREATE3Arguments exclusive"
        ),
        Sample(MKDIR3Arguments(location: Values.what, attributes: Values.setAttributes)),
        Sample(
            SYMLINK3Arguments(
                location: Values.what,
                attributes: Values.setAttributes,
                path: Array("../a".utf8)
            )
        ),
        Sample(
            MKNOD3Arguments(
                location: Values.what,
                node: .blockDevice(Values.setAttributes, NFS3DeviceNumber(major: 8, minor: 0))
            )
        ),
        Sample(
            MKNOD3Arguments(
                location: Values.what,
                node: .characterDevice(Values.setAttributes, NFS3DeviceNumber(major: 1, minor: 3))
            ),
            "MKNOD3Arguments character device"
        ),
        Sample(
            MKNOD3Arguments(location: Values.what, node: .socket(Values.setAttributes)),
            "MKNOD3Arguments socket"
        ),
        Sample(
            MKNOD3Arguments(location: Values.what, node: .fifo(Values.setAttributes)),
            "MKNOD3Arguments fifo"
        ),
        Sample(
            MKNOD3Arguments(location: Values.what, node: .regular),
            "MKNOD3Arguments regular"
        ),
        Sample(REMOVE3Arguments(object: Values.what)),
        Sample(RENAME3Arguments(from: Values.what, to: Values.other)),
        Sample(LINK3Arguments(file: Values.handle, link: Values.what)),
        Sample(
            READDIR3Arguments(directory: Values.handle, cookie: 3, verifier: 4, count: 4096)
        ),
        Sample(
            READDIRPLUS3Arguments(
                directory: Values.handle,
                cookie: 3,
                verifier: 4,
                directoryCount: 512,
                maximumCount: 4096
            )
        ),
        Sample(FSSTAT3Arguments(root: Values.handle)),
        Sample(FSINFO3Arguments(root: Values.handle)),
        Sample(PATHCONF3Arguments(object: Values.handle)),
        Sample(COMMIT3Arguments(file: Values.handle, offset: 1 << 33, count: 0)),
        Sample(MountPath(path: Array("/torrents/films".utf8))),
    ]

    static let results: [Sample] =
        attributeResults + fileResults + nameResults + mountResults + lockResults

    static let lockArguments: [Sample] = [
        Sample(NLM4TestArguments(cookie: [1, 2, 3], isExclusive: true, lock: Values.lock)),
        Sample(
            NLM4LockArguments(
                cookie: [],
                blocks: true,
                isExclusive: false,
                lock: Values.lock,
                isReclaim: false,
                state: 7
            )
        ),
        Sample(
            NLM4CancelArguments(cookie: [1], blocks: false, isExclusive: true, lock: Values.lock)
        ),
        Sample(NLM4UnlockArguments(cookie: [1, 2, 3, 4], lock: Values.lock)),
        Sample(
            NLM4ShareArguments(
                cookie: [9],
                callerName: Array("guest".utf8),
                file: Values.handle,
                owner: [4],
                mode: 1,
                access: 2,
                isReclaim: true
            )
        ),
        Sample(NLM4Notice(callerName: Array("guest".utf8), state: 5)),
    ]

    private static let lockResults: [Sample] = [
        Sample(NLM4Result(cookie: [1, 2, 3], status: .blocked)),
        Sample(NLM4TestResult.other(NLM4Result(cookie: [1], status: .granted)), "NLM TEST"),
        Sample(
            NLM4TestResult.denied(
                cookie: [1],
                NLM4Holder(isExclusive: true, process: 9, owner: [1, 2], offset: 3, length: 0)
            ),
            "NLM TEST denied"
        ),
        Sample(NLM4ShareResult(NLM4Result(cookie: [], status: .granted))),
    ]

    private static let attributeResults: [Sample] = [
        Sample(GETATTR3Result.success(Values.attributes), "GETATTR"),
        Sample(GETATTR3Result.failure(.stale), "GETATTR failed"),
        Sample(SETATTR3Result.success(Values.change), "SETATTR"),
        Sample(SETATTR3Result.failure(.readOnly, NFS3WeakCacheData()), "SETATTR failed"),
        Sample(
            ACCESS3Result.success(ACCESS3Success(attributes: Values.attributes, access: .read)),
            "ACCESS"
        ),
        Sample(ACCESS3Result.failure(.io, nil), "ACCESS failed"),
        Sample(
            FSSTAT3Result.success(
                FSSTAT3Success(
                    attributes: Values.attributes,
                    totalBytes: 1,
                    freeBytes: 2,
                    availableBytes: 3,
                    totalFiles: 4,
                    freeFiles: 5,
                    availableFiles: 6,
                    invariantSeconds: 1
                )
            ),
            "FSSTAT"
        ),
        Sample(
            FSINFO3Result.success(
                FSINFO3Success(
                    attributes: nil,
                    maximumRead: 1 << 20,
                    preferredRead: 1 << 20,
                    readMultiple: 4096,
                    maximumWrite: 1 << 20,
                    preferredWrite: 1 << 20,
                    writeMultiple: 4096,
                    preferredReadDirectory: 1 << 16,
                    maximumFileSize: 1 << 62,
                    timeGranularity: NFS3Time(seconds: 0, nanoseconds: 1),
                    properties: [.homogeneous, .symbolicLinks]
                )
            ),
            "FSINFO"
        ),
        Sample(
            PATHCONF3Result.success(
                PATHCONF3Success(
                    attributes: Values.attributes,
                    maximumLinks: 1,
                    maximumName: 255,
                    refusesLongNames: true,
                    restrictsOwnerChange: true,
                    isCaseInsensitive: false,
                    isCasePreserving: true
                )
            ),
            "PATHCONF"
        ),
    ]

    private static let fileResults: [Sample] = [
        Sample(
            READLINK3Result.success(
                READLINK3Success(attributes: Values.attributes, path: Array("../b".utf8))
            ),
            "READLINK"
        ),
        Sample(READ3Result.failure(.jukebox, Values.attributes), "READ failed"),
        Sample(
            READ3Result.success(READ3Header(attributes: nil, count: 0, isEndOfFile: true)),
            "READ of nothing"
        ),
        Sample(
            WRITE3Result.success(
                WRITE3Success(
                    fileChange: Values.change,
                    count: 7,
                    committed: .fileSync,
                    verifier: 8
                )
            ),
            "WRITE"
        ),
        Sample(WRITE3Result.failure(.readOnly, Values.change), "WRITE failed"),
        Sample(
            COMMIT3Result.success(COMMIT3Success(fileChange: Values.change, verifier: 8)),
            "COMMIT"
        ),
    ]

    private static let nameResults: [Sample] = [
        Sample(
            LOOKUP3Result.success(
                LOOKUP3Success(
                    object: Values.handle,
                    attributes: Values.attributes,
                    directoryAttributes: Values.attributes
                )
            ),
            "LOOKUP"
        ),
        Sample(LOOKUP3Result.failure(.noEntry, Values.attributes), "LOOKUP failed"),
        Sample(
            NFS3CreationResult.success(
                NFS3CreationSuccess(
                    object: Values.handle,
                    attributes: Values.attributes,
                    directoryChange: Values.change
                )
            ),
            "CREATE"
        ),
        Sample(NFS3CreationResult.failure(.readOnly, Values.change), "CREATE failed"),
        Sample(REMOVE3Result.success(Values.change), "REMOVE"),
        Sample(
            RENAME3Result.success(
                RENAME3Change(fromDirectory: Values.change, toDirectory: NFS3WeakCacheData())
            ),
            "RENAME"
        ),
        Sample(
            LINK3Result.failure(
                .notSupported,
                LINK3Change(attributes: Values.attributes, directoryChange: Values.change)
            ),
            "LINK failed"
        ),
        Sample(
            READDIR3Result.success(
                READDIR3Success(
                    attributes: Values.attributes,
                    verifier: 1,
                    entries: [
                        READDIR3Entry(fileID: 1, name: Array(".".utf8), cookie: 1),
                        READDIR3Entry(fileID: 2, name: Array("film".utf8), cookie: 3),
                    ],
                    isEndOfDirectory: true
                )
            ),
            "READDIR"
        ),
        Sample(
            READDIRPLUS3Result.success(
                READDIRPLUS3Success(
                    attributes: Values.attributes,
                    verifier: 1,
                    entries: [
                        READDIRPLUS3Entry(
                            fileID: 1,
                            name: Array(".".utf8),
                            cookie: 1,
                            attributes: nil,
                            handle: nil
                        ),
                        READDIRPLUS3Entry(
                            fileID: 2,
                            name: Array("film".utf8),
                            cookie: 3,
                            attributes: Values.attributes,
                            handle: Values.oddHandle
                        ),
                    ],
                    isEndOfDirectory: false
                )
            ),
            "READDIRPLUS"
        ),
    ]

    private static let mountResults: [Sample] = [
        Sample(Mount3Result.success(Values.handle, authFlavors: [1, 0]), "MNT"),
        Sample(Mount3Result.failure(.accessDenied), "MNT failed"),
        Sample(
            Mount1Result.success(NFS3FileHandle((1...32).map { UInt8($0) }) ?? Values.empty),
            "MNT 1"
        ),
        Sample(Mount1Result.failure(13), "MNT 1 failed"),
        Sample(
            MountList(entries: [
                MountEntry(hostName: Array("client".utf8), directory: Array("/torrents".utf8)),
                MountEntry(hostName: [], directory: []),
            ])
        ),
        Sample(
            ExportList(entries: [
                ExportEntry(
                    directory: Array("/torrents".utf8),
                    groups: [MountGroup(name: Array("10.0.0.0/8".utf8)), MountGroup(name: [42])]
                ),
                ExportEntry(directory: Array("/".utf8), groups: []),
            ])
        ),
    ]
}
