package import ONCRPC

/// The result of every procedure but NULL: a union switched by nfsstat3, whose arms are called
/// resok and resfail (RFC 1813 section 3.3).
package enum NFS3Result<Success, Failure> {
    case success(Success)
    /// The status is never ``NFS3Status/ok``.
    case failure(NFS3Status, Failure)
}

extension NFS3Result where Failure == XDRVoid {
    package static func failure(_ status: NFS3Status) -> Self { .failure(status, XDRVoid()) }
}

extension NFS3Result: Equatable where Success: Equatable, Failure: Equatable {}
extension NFS3Result: Sendable where Success: Sendable, Failure: Sendable {}

extension NFS3Result: XDREncodable where Success: XDREncodable, Failure: XDREncodable {
    package func encode(into writer: inout XDRWriter) {
        switch self {
        case .success(let success):
            writer.write(NFS3Status.ok.rawValue)
            success.encode(into: &writer)
        case .failure(let status, let failure):
            writer.write(status.rawValue)
            failure.encode(into: &writer)
        }
    }
}

extension NFS3Result: XDRDecodable where Success: XDRDecodable, Failure: XDRDecodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        let status = try reader.readEnum(NFS3Status.self)
        self =
            try status == .ok
            ? .success(Success(from: &reader)) : .failure(status, Failure(from: &reader))
    }
}
