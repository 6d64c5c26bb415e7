import ArgumentParser
import Logging
import PieceStorage

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the share until SIGTERM or SIGINT.",
        discussion: """
            Logs to the standard error. SIGHUP takes new routes, exports and limits; if anything \
            in them is wrong, everything stays as it was.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        do {
            PayloadMemory.keepFreedBuffers()
            let settings = try options.file.read()
            var logger = Logger(label: "sluice") { _ in LineLogHandler() }
            logger.logLevel = Logger.Level(settings.configuration.logLevel)
            for notice in settings.notices { logger.notice("\(notice)") }
            OpenFileLimit.raise(for: settings.configuration, logger: logger)
            try await Composition(file: options.file, settings: settings, logger: logger).run()
        } catch {
            throw Fault(error)
        }
    }
}

/// Ends the program with exit code 1 and the error's own words.
struct Fault: Error, CustomStringConvertible {
    let description: String

    init(_ error: any Error) { self.init(description: "\(error)") }

    init(description: String) { self.description = description }
}

extension Logger.Level {
    fileprivate init(_ level: Configuration.LogLevel) {
        self =
            switch level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
    }
}
