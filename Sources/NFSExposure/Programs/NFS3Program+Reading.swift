import NFSProtocol
import ONCRPC
import VirtualTree

// READ (RFC 1813 section 3.3.6).

/// A READ of bytes that the file has, to be answered now or later.
struct ReadCall {
    let xid: UInt32
    let file: any VirtualFile
    let access: Caller.Access
    /// Not empty, within the file, at most rtmax.
    let range: Range<UInt64>
    /// It was begun before, and what was to be read had gone.
    var isAnew = false

    var attributes: NFS3FileAttributes { access.attributes(file.attributes) }
}

extension NFS3Program.Exchange {
    /// Answers what needs no bytes.
    /// - Returns: the READ if it needs some.
    mutating func read() -> ReadCall? {
        var result: ReadCall?
        let decoded: READ3Arguments
        do throws(XDRError) {
            decoded = try arguments.decodeArguments(READ3Arguments.self)
        } catch {
            refuse(.garbageArguments)
            return nil
        }
        do throws(NFS3Program.Failure) {
            let target = try target(decoded.file)
            guard case .file(let file) = target.node else {
                reply(READ3Result.failure(.isDirectory, target.attributes))
                return nil
            }
            guard target.access.permits(.read, on: target.attributes, of: call.credential) else {
                reply(READ3Result.failure(.accessDenied, target.attributes))
                return nil
            }
            let size = file.attributes.size
            guard decoded.offset < size, decoded.count > 0 else {
                reply(
                    READ3Result.success(
                        READ3Header(
                            attributes: target.attributes,
                            count: 0,
                            isEndOfFile: decoded.offset >= size
                        )
                    )
                )
                return nil
            }
            let limit = min(UInt64(decoded.count), UInt64(service.limits.readByteCount))
            let count = min(limit, size - decoded.offset)
            result = ReadCall(
                xid: call.xid,
                file: file,
                access: target.access,
                range: decoded.offset..<decoded.offset + count
            )
        } catch {
            switch error {
            case .status(let status): reply(READ3Result.failure(status, nil))
            case .credential: refuse(.authError(.tooWeak))
            }
        }
        return result
    }
}
