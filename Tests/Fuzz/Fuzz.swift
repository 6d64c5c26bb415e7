import ArgumentParser
import TestSupport

/// Feeds decoders with damaged input, in an optimised build: none may crash, hang, grow, or accept
/// what breaks its promise.
@main struct Fuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz",
        abstract: "Feed decoders with damaged input.",
        discussion: """
            The same seed gives the same inputs. What goes wrong is reported with the command that \
            repeats that one input.
            """
    )

    @Flag(help: "Name the decoders, a line each.")
    var list = false

    @Option(help: "The decoder to feed; all if not given.")
    var only: String?

    @Option(help: "What the inputs are made from.")
    var seed: UInt64 = 1

    @Option(help: "Number of the first input.")
    var from = 0

    @Option(help: "Inputs for each decoder.")
    var count = 1_000_000

    func run() throws {
        if list { return Decoder.all.forEach { print($0.name) } }
        let decoders = Decoder.all.filter { only == nil || $0.name == only }
        guard !decoders.isEmpty else { throw ValidationError("there is no such decoder") }
        for decoder in decoders {
            print(try Feeding(decoder: decoder, seed: seed).feed(from..<from + count))
        }
    }
}
