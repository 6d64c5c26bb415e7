/// The RPC programs that an NFS client asks for.
package enum ProgramNumber {
    package static let nfs: UInt32 = 100_003
    package static let mount: UInt32 = 100_005
    package static let nlm: UInt32 = 100_021
    package static let nfsACL: UInt32 = 100_227
}
