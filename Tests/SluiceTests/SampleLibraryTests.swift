import BitTorrentProtocol
import Testing

@testable import sluice

@Suite struct SampleLibraryTests {
    /// Another info-hash would orphan the cached pieces and the open files of every installation.
    @Test func isTheSameEverywhere() throws {
        let metainfo = try Metainfo(parsing: SampleLibrary().metainfoBytes)
        let hash = metainfo.infoHash.bytes.map { String($0, radix: 16) }.joined(separator: " ")
        #expect(hash == "51 a7 a2 c 89 24 b4 2a f6 a9 de 7d 33 9b 3f 6b f9 81 30 5e")
    }

    @Test func theTorrentDescribesTheFiles() throws {
        let library = SampleLibrary()
        let metainfo = try Metainfo(parsing: library.metainfoBytes)
        #expect(metainfo.info.files.map(\.length) == library.files.map { UInt64($0.bytes.count) })
        #expect(metainfo.info.geometry.totalLength == UInt64(library.bytes.count))
        #expect(metainfo.trackerTiers.isEmpty)
    }

    @Test func theToneIsAWaveFile() throws {
        let wave = Tone.wave(of: [.a4], seconds: 1)
        #expect(wave.count == 44 + 2 * Tone.sampleRate)
        #expect(wave.starts(with: Array("RIFF".utf8)))
        let samples = stride(from: 44, to: wave.count, by: 2).map {
            Int16(bitPattern: UInt16(wave[$0]) | UInt16(wave[$0 + 1]) << 8)
        }
        let crossings = zip(samples, samples.dropFirst()).count { $0 < 0 && $1 >= 0 }
        #expect((439...441).contains(crossings))
        #expect((samples.max() ?? 0) > 8000)
    }
}
