/// A sine tone from a recurrence, x(n) = 2 cos(w) x(n-1) - x(n-2): additions and multiplications
/// give the same bits everywhere, which a mathematics library does not promise for sin().
struct Tone {
    static let sampleRate = 22_050

    /// 2 cos(w) and sin(w), where w is the angle of one sample.
    private let doubleCosine: Double
    private let sine: Double

    static let a4 = Tone(doubleCosine: 1.9843007499103802, sine: 0.1250505236945281)

    /// C major from C4 to C5.
    static let scale = [
        Tone(doubleCosine: 1.9944447736930366, sine: 0.07448161633673704),
        Tone(doubleCosine: 1.9930016960506964, sine: 0.08358265301342037),
        Tone(doubleCosine: 1.9911840269579575, sine: 0.09378988589860326),
        Tone(doubleCosine: 1.9901052958871126, sine: 0.09934902022927569),
        Tone(doubleCosine: 1.9875361282557393, sine: 0.11146763978638101),
        a4,
        Tone(doubleCosine: 1.9802269200796132, sine: 0.1402687999806166),
        Tone(doubleCosine: 1.9778099553114685, sine: 0.1485494704390151),
    ]

    /// The tones one after another as a WAV file: 16 bits, one channel.
    static func wave(of tones: [Tone], seconds: Int) -> [UInt8] {
        let samples = tones.flatMap { $0.samples(count: seconds * sampleRate) }
        var file = Array("RIFF".utf8) + littleEndian(UInt32(36 + 2 * samples.count))
        file += Array("WAVEfmt ".utf8) + littleEndian(UInt32(16))
        file += littleEndian(UInt16(1)) + littleEndian(UInt16(1))  // PCM, one channel
        file += littleEndian(UInt32(sampleRate)) + littleEndian(UInt32(2 * sampleRate))
        file += littleEndian(UInt16(2)) + littleEndian(UInt16(16))  // bytes, bits a sample
        file += Array("data".utf8) + littleEndian(UInt32(2 * samples.count))
        file.reserveCapacity(file.count + 2 * samples.count)
        for sample in samples {
            file.append(UInt8(truncatingIfNeeded: sample))
            file.append(UInt8(truncatingIfNeeded: sample >> 8))
        }
        return file
    }

    /// At a quarter of full volume, fading in and out within 50 ms so that nothing clicks.
    private func samples(count: Int) -> [Int16] {
        let fade = Self.sampleRate / 20
        var (previous, current) = (0.0, sine)
        return (0..<count).map { index in
            let volume = Double(min(index, count - 1 - index, fade)) / Double(fade)
            defer { (previous, current) = (current, doubleCosine * current - previous) }
            return Int16(previous * volume * 8192)
        }
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        stride(from: 0, to: value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
