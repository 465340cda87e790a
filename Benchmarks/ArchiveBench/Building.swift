import ArchiveFormat
import Foundation

private let identity = Footer.Identity(topicID: [UInt8](repeating: 7, count: 16), topic: "logs", partition: 0)

private func build(_ segment: [UInt8], _ writer: ArchiveWriter) throws -> ArchivedObject {
  try segment.withUnsafeBytes { try writer.write(ArchiveSegment(identity: identity, batches: [$0])) }
}

/// Rates of one thread, five runs over all segments, and sizes.
func measureBuilding(_ corpus: Corpus) throws {
  print("\nbuild, one thread        MB per CPU second: median (min-max)   wall   data/raw  index/raw  object/raw")
  for (index, level) in [(IndexKind.full, 3), (.full, 1), (.keys, 3), (.none, 3)] {
    let writer = ArchiveWriter(index: index, level: level)
    var processor = Samples()
    var wall = Samples()
    var data = 0
    var whole = 0
    var raw = 0
    for run in 0..<5 {
      for segment in corpus.segments {
        let watch = Stopwatch()
        let object = try build(segment, writer)
        processor.add(Double(segment.count) / 1e6 / watch.processorSeconds)
        wall.add(Double(segment.count) / 1e6 / watch.wallSeconds)
        guard run == 0 else { continue }
        data += object.statistics.dataByteCount
        whole += object.byteCount
        raw += segment.count
      }
    }
    func part(_ count: Int) -> String { format(Double(count) / Double(raw), 3) }
    print(
      "  index=\(index) zstd-\(level)".padding(toLength: 27, withPad: " ", startingAt: 0),
      "\(format(processor.median)) (\(format(processor.minimum))-\(format(processor.maximum)))",
      "   \(format(wall.median))   \(part(data))   \(part(whole - data))   \(part(whole))")
  }
  let before = try ProcessMemory.megabytes("VmRSS")
  try ProcessMemory.resetPeak()
  _ = try build(corpus.segments[0], ArchiveWriter())
  let peak = try ProcessMemory.megabytes("VmHWM") - before
  let input = Double(corpus.segments[0].count) / 1e6
  print("peak memory of a 64 MiB unit: \(format(peak)) MB, with its input \(format(peak + input)) MB")
}

/// Writes every segment's object as a file.
func writeObjects(_ corpus: Corpus, to directory: URL) throws -> [(path: String, footer: Footer)] {
  try corpus.segments.enumerated().map { number, segment in
    let object = try build(segment, ArchiveWriter())
    let file = directory.appendingPathComponent("object-\(number).kar")
    try object.withBytes { try Data($0).write(to: file) }
    return (file.path, object.footer)
  }
}
