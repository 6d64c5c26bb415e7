import NFSExposure

/// The table of clients as people read it.
enum ClientTableText {
    /// A line for each client, and below it one for each file.
    static func lines(_ reports: [ClientReport]) -> [String] {
        if reports.isEmpty { return ["nobody is connected, and nobody has mounted anything"] }
        return reports.flatMap { report in
            [head(report)] + report.reading.map(reading) + report.waiting.map(waiting)
        }
    }

    private static func head(_ report: ClientReport) -> String {
        let mounts =
            report.mounts.isEmpty ? "no mount known" : report.mounts.joined(separator: ", ")
        let connections =
            switch report.connectionCount {
            case 0: "not connected"
            case 1: "1 connection"
            default: "\(report.connectionCount) connections"
            }
        return "\(report.address)  \(mounts)  \(connections)"
    }

    private static func reading(_ file: ClientReport.Reading) -> String {
        let place = "at \(size(file.offset)) of \(size(file.size))"
        let pace =
            file.bytesPerSecond > 0
            ? "\(size(UInt64(file.bytesPerSecond)))/s" : "quiet for \(seconds(file.idleSeconds))"
        return "  reads  \(file.path)  \(place)  \(pace)"
    }

    private static func waiting(_ file: ClientReport.Waiting) -> String {
        let reads = file.readCount == 1 ? "1 READ" : "\(file.readCount) READs"
        return "  waits  \(file.path)  at \(size(file.offset))  \(reads), "
            + "\(seconds(file.seconds)): \(file.because)"
    }

    /// With a unit of which it has at least one, and one decimal place.
    static func size(_ byteCount: UInt64) -> String {
        if byteCount < 1 << 10 { return "\(byteCount) B" }
        for (shift, unit) in [(10, "KiB"), (20, "MiB")]
        where byteCount < 1 << (shift + 10) {
            return "\(tenths(byteCount, shift)) \(unit)"
        }
        return "\(tenths(byteCount, 30)) GiB"
    }

    private static func tenths(_ byteCount: UInt64, _ shift: Int) -> String {
        // No overflow: sizes of files are below 2^63, and the tenths are taken of the remainder.
        let remainder = byteCount & (1 << UInt64(shift) - 1)
        return "\(byteCount >> UInt64(shift)).\((remainder * 10) >> UInt64(shift))"
    }

    private static func seconds(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return whole < 120 ? "\(whole) s" : "\(whole / 60) min"
    }
}
