import VirtualTree

extension FileWaitReason {
    /// For people: follows "because".
    var text: String {
        switch self {
        case .starting: "its torrent is being taken up"
        case .verifying: "its bytes have come and are being verified"
        case .noPeers: "no peer is connected"
        case .notOffered: "no connected peer has it"
        case .choked: "the peers that have it send us nothing just now"
        case .queued: "the peers that have it send what is needed sooner"
        case .arriving: "it is arriving slowly"
        case .ended: "its torrent has ended"
        }
    }
}
