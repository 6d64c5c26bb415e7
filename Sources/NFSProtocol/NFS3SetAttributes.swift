package import ONCRPC

/// set_atime and set_mtime: union switch (time_how set_it) { case SET_TO_CLIENT_TIME: nfstime3;
/// default: void; }.
package enum NFS3SetTime: Equatable, Sendable {
    case unchanged  // DONT_CHANGE
    case serverTime  // SET_TO_SERVER_TIME
    case clientTime(NFS3Time)  // SET_TO_CLIENT_TIME
}

extension NFS3SetTime: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.readUInt32() {
        case 0: self = .unchanged
        case 1: self = .serverTime
        case 2: self = .clientTime(try NFS3Time(from: &reader))
        case let value: throw .invalidValue(offset: reader.offset - 4, value: value)
        }
    }

    package func encode(into writer: inout XDRWriter) {
        switch self {
        case .unchanged: writer.write(0 as UInt32)
        case .serverTime: writer.write(1 as UInt32)
        case .clientTime(let time):
            writer.write(2 as UInt32)
            time.encode(into: &writer)
        }
    }
}

/// sattr3: { set_mode3 mode; set_uid3 uid; set_gid3 gid; set_size3 size; set_atime atime;
/// set_mtime mtime; }; `nil` leaves an attribute as it is.
package struct NFS3SetAttributes: Equatable, Sendable {
    package let mode: UInt32?
    package let uid: UInt32?
    package let gid: UInt32?
    package let size: UInt64?
    package let accessTime: NFS3SetTime
    package let modificationTime: NFS3SetTime

    package init(
        mode: UInt32? = nil,
        uid: UInt32? = nil,
        gid: UInt32? = nil,
        size: UInt64? = nil,
        accessTime: NFS3SetTime = .unchanged,
        modificationTime: NFS3SetTime = .unchanged
    ) {
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.accessTime = accessTime
        self.modificationTime = modificationTime
    }
}

extension NFS3SetAttributes: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        mode = try UInt32?(from: &reader)
        uid = try UInt32?(from: &reader)
        gid = try UInt32?(from: &reader)
        size = try UInt64?(from: &reader)
        accessTime = try NFS3SetTime(from: &reader)
        modificationTime = try NFS3SetTime(from: &reader)
    }

    package func encode(into writer: inout XDRWriter) {
        mode.encode(into: &writer)
        uid.encode(into: &writer)
        gid.encode(into: &writer)
        size.encode(into: &writer)
        accessTime.encode(into: &writer)
        modificationTime.encode(into: &writer)
    }
}

/// createhow3: union switch (createmode3 mode) { case UNCHECKED: case GUARDED: sattr3
/// obj_attributes; case EXCLUSIVE: createverf3 verf; }.
package enum NFS3CreateMode: Equatable, Sendable {
    case unchecked(NFS3SetAttributes)  // UNCHECKED
    case guarded(NFS3SetAttributes)  // GUARDED
    case exclusive(verifier: UInt64)  // EXCLUSIVE
}

extension NFS3CreateMode: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.readUInt32() {
        case 0: self = .unchecked(try NFS3SetAttributes(from: &reader))
        case 1: self = .guarded(try NFS3SetAttributes(from: &reader))
        case 2: self = .exclusive(verifier: try reader.readUInt64())
        case let value: throw .invalidValue(offset: reader.offset - 4, value: value)
        }
    }

    package func encode(into writer: inout XDRWriter) {
        switch self {
        case .unchecked(let attributes):
            writer.write(0 as UInt32)
            attributes.encode(into: &writer)
        case .guarded(let attributes):
            writer.write(1 as UInt32)
            attributes.encode(into: &writer)
        case .exclusive(let verifier):
            writer.write(2 as UInt32)
            writer.write(verifier)
        }
    }
}

/// mknoddata3: union switch (ftype3 type) { case NF3CHR: case NF3BLK: devicedata3 device; case
/// NF3SOCK: case NF3FIFO: sattr3 pipe_attributes; default: void; }.
package enum NFS3NodeData: Equatable, Sendable {
    case characterDevice(NFS3SetAttributes, NFS3DeviceNumber)
    case blockDevice(NFS3SetAttributes, NFS3DeviceNumber)
    case socket(NFS3SetAttributes)
    case fifo(NFS3SetAttributes)
    /// A type that MKNOD does not make.
    case regular, directory, symbolicLink

    package var type: NFS3FileType {
        switch self {
        case .characterDevice: .characterDevice
        case .blockDevice: .blockDevice
        case .socket: .socket
        case .fifo: .fifo
        case .regular: .regular
        case .directory: .directory
        case .symbolicLink: .symbolicLink
        }
    }
}

extension NFS3NodeData: XDRCodable {
    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.readEnum(NFS3FileType.self) {
        case .characterDevice:
            self = .characterDevice(
                try NFS3SetAttributes(from: &reader),
                try NFS3DeviceNumber(from: &reader)
            )
        case .blockDevice:
            self = .blockDevice(
                try NFS3SetAttributes(from: &reader),
                try NFS3DeviceNumber(from: &reader)
            )
        case .socket: self = .socket(try NFS3SetAttributes(from: &reader))
        case .fifo: self = .fifo(try NFS3SetAttributes(from: &reader))
        case .regular: self = .regular
        case .directory: self = .directory
        case .symbolicLink: self = .symbolicLink
        }
    }

    package func encode(into writer: inout XDRWriter) {
        writer.write(type.rawValue)
        switch self {
        case .characterDevice(let attributes, let device), .blockDevice(let attributes, let device):
            attributes.encode(into: &writer)
            device.encode(into: &writer)
        case .socket(let attributes), .fifo(let attributes):
            attributes.encode(into: &writer)
        case .regular, .directory, .symbolicLink: break
        }
    }
}
