package import ONCRPC

/// nlm4_res: { netobj cookie; nlm4_stats stat; }.
package struct NLM4Result: Equatable, Sendable {
    /// That of the call.
    package let cookie: [UInt8]
    package let status: NLM4Status

    package init(cookie: [UInt8], status: NLM4Status) {
        self.cookie = cookie
        self.status = status
    }
}

extension NLM4Result: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        status = try reader.readEnum(NLM4Status.self)
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(cookie)
        writer.write(status.rawValue)
    }
}

/// nlm4_holder: { bool exclusive; int32 svid; netobj oh; uint64 l_offset, l_len; }.
package struct NLM4Holder: Equatable, Sendable {
    package let isExclusive: Bool
    package let process: UInt32
    package let owner: [UInt8]
    package let offset: UInt64
    package let length: UInt64

    package init(
        isExclusive: Bool,
        process: UInt32,
        owner: [UInt8],
        offset: UInt64,
        length: UInt64
    ) {
        self.isExclusive = isExclusive
        self.process = process
        self.owner = owner
        self.offset = offset
        self.length = length
    }
}

extension NLM4Holder: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        isExclusive = try reader.readBool()
        process = try reader.readUInt32()
        owner = try reader.readBytes(limit: NLM4Limit.netobjByteCount)
        offset = try reader.readUInt64()
        length = try reader.readUInt64()
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(isExclusive)
        writer.write(process)
        writer.write(owner)
        writer.write(offset)
        writer.write(length)
    }
}

/// nlm4_testres: { netobj cookie; union switch (nlm4_stats stat) { case NLM4_DENIED: nlm4_holder;
/// default: void; } }.
package enum NLM4TestResult: Equatable, Sendable {
    case denied(cookie: [UInt8], NLM4Holder)
    case other(NLM4Result)
}

extension NLM4TestResult: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        let result = try NLM4Result(from: &reader)
        self =
            result.status == .denied
            ? .denied(cookie: result.cookie, try NLM4Holder(from: &reader)) : .other(result)
    }

    package func encode(into writer: inout XDRWriter) {
        switch self {
        case .denied(let cookie, let holder):
            NLM4Result(cookie: cookie, status: .denied).encode(into: &writer)
            holder.encode(into: &writer)
        case .other(let result):
            precondition(result.status != .denied, "A denied lock has a holder.")
            result.encode(into: &writer)
        }
    }
}

/// nlm4_shareres: { netobj cookie; nlm4_stats stat; int sequence; }.
package struct NLM4ShareResult: Equatable, Sendable {
    package let result: NLM4Result

    package init(_ result: NLM4Result) {
        self.result = result
    }
}

extension NLM4ShareResult: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        result = try NLM4Result(from: &reader)
        _ = try reader.readUInt32()
    }

    package func encode(into writer: inout XDRWriter) {
        result.encode(into: &writer)
        writer.write(0 as UInt32)
    }
}
