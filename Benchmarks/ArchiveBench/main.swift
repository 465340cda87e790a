// bench-archive TEXT DIRECTORY [SEGMENTS]
//
// Builds archive objects from JSON log records made of TEXT (a Debian Packages file), writes them to DIRECTORY with the
// records as lines beside them (for tantivy_peer.py), and measures building, fetching and searching on local files.

import ArchiveFormat
import Foundation

guard CommandLine.arguments.count >= 3 else {
  print("usage: bench-archive TEXT DIRECTORY [SEGMENTS]")
  exit(2)
}
let directory = URL(fileURLWithPath: CommandLine.arguments[2])
let segmentCount = CommandLine.arguments.count > 3 ? Int(CommandLine.arguments[3])! : 2
try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)

let corpus = Corpus(
  text: [UInt8](try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]))), segmentByteCount: 64 << 20,
  segmentCount: segmentCount, keepsLines: true)
try Data(corpus.lines).write(to: directory.appendingPathComponent("lines.txt"))
let rawByteCount = corpus.segments.reduce(0) { $0 + $1.count }
print(
  "\(corpus.recordCount) records, \(format(Double(rawByteCount) / 1e6)) MB in \(segmentCount) segments, batches of 64 KiB"
)

try measureBuilding(corpus)
let files = try writeObjects(corpus, to: directory)
try measureFetching(files)
try measureSearching(files)
