/// Everything that is wrong with a configuration file, in the order of its lines.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    struct Problem: Equatable {
        /// Counts from 1; `nil` where the fault is that of the whole file.
        let line: Int?
        /// What is wrong, and what to do.
        let message: String
    }

    let file: String
    let problems: [Problem]

    var description: String {
        problems.map { problem in
            let place = problem.line.map { "\(file):\($0)" } ?? file
            return "\(place): \(problem.message)"
        }.joined(separator: "\n")
    }
}
