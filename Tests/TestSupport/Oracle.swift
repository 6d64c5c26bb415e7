package import CTirpcSystem

/// libtirpc as the judge of the XDR written and read here.
package enum Oracle {
    package static func encode(_ body: (inout XDR) -> Bool) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0xEE, count: 4096)
        let count = bytes.withUnsafeMutableBytes { memory -> Int? in
            var xdr = XDR()
            xdrmem_create(
                &xdr,
                memory.baseAddress?.assumingMemoryBound(to: CChar.self),
                UInt32(memory.count),
                XDR_ENCODE
            )
            return body(&xdr) ? Int(xdr.x_ops.pointee.x_getpostn(&xdr)) : nil
        }
        return count.map { Array(bytes.prefix($0)) }
    }

    package static func decode(_ bytes: [UInt8], _ body: (inout XDR) -> Bool) -> Bool {
        var copy = bytes
        return copy.withUnsafeMutableBytes { memory in
            var xdr = XDR()
            xdrmem_create(
                &xdr,
                memory.baseAddress?.assumingMemoryBound(to: CChar.self),
                UInt32(memory.count),
                XDR_DECODE
            )
            return body(&xdr)
        }
    }
}
