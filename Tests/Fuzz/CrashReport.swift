import Glibc
import Synchronization

/// Says which input killed the process, from inside a signal handler: nothing there may allocate.
enum CrashReport {
    private static let number = Atomic<Int>(0)
    /// Address of the text of the command up to the number, 0 if nothing is being fed.
    private static let command = Atomic<UInt>(0)

    /// The number of the input that is being decoded.
    static var input: Int {
        get { number.load(ordering: .relaxed) }
        set { number.store(newValue, ordering: .relaxed) }
    }

    /// How to repeat the input.
    static var replay: String {
        "repeat it with: \(text.map { String(cString: $0) } ?? "")\(input)"
    }

    private static var text: UnsafeMutablePointer<CChar>? {
        UnsafeMutablePointer(bitPattern: command.load(ordering: .relaxed))
    }

    /// - Parameter text: the command that repeats an input, up to the number.
    static func begin(_ text: String) {
        input = 0
        command.store(UInt(bitPattern: strdup(text)), ordering: .relaxed)
        for code in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGALRM] {
            signal(code) { code in
                CrashReport.write(code)
                _exit(1)
            }
        }
    }

    static func end() {
        alarm(0)
        free(text)
        command.store(0, ordering: .relaxed)
    }

    private static func write(_ code: Int32) {
        put(code == SIGALRM ? "a decoder hangs; repeat it with: " : "died; repeat it with: ")
        if let text { _ = Glibc.write(2, text, strlen(text)) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 21) { digits in
            var rest = input
            var place = 20
            digits[place] = UInt8(ascii: "\n")
            repeat {
                place -= 1
                digits[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            _ = Glibc.write(2, digits.baseAddress.map { $0 + place }, 21 - place)
        }
    }

    private static func put(_ text: StaticString) {
        _ = Glibc.write(2, text.utf8Start, text.utf8CodeUnitCount)
    }
}
