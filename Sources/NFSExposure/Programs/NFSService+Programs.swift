import NFSProtocol
import NIOCore
import ONCRPC

extension NFSService {
    /// Answers a call of the programs beside NFS, which are served by TCP and UDP alike.
    ///
    /// - Returns: the whole reply message, without a record mark.
    func answer(_ call: RPCCall, arguments: ByteBuffer, caller: Caller) -> ByteBuffer {
        switch (call.program, call.version) {
        case (ProgramNumber.mount, 1), (ProgramNumber.mount, 3):
            MountProgram(service: self).answer(call, arguments: arguments, caller: caller)
        case (ProgramNumber.mount, _): call.refusal(.programMismatch(low: 1, high: 3))
        case (ProgramNumber.nlm, _):
            NLMProgram(service: self).answer(call, arguments: arguments, caller: caller)
        default: call.refusal(.programUnavailable)
        }
    }
}
