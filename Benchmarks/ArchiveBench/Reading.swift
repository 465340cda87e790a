import ArchiveFormat
import Foundation

typealias Files = [(path: String, footer: Footer)]

/// 1 MiB from random offsets of local files: with the footer at hand, and opening the object first.
func measureFetching(_ files: Files) throws {
  var random = SeededGenerator(seed: 1)
  var warm = Samples()
  var cold = Samples()
  for round in 0..<400 {
    let (path, footer) = files[round % files.count]
    let source = CountingRangeSource(try FileRangeSource(path: path))
    let offset =
      footer.range.baseOffset + Int64(random.next() % UInt64(footer.range.nextOffset - footer.range.baseOffset))
    if round % 2 == 0 {
      let reader = ArchiveReader(source: source, footer: footer)
      let watch = Stopwatch()
      _ = try reader.fetch(from: offset, byteCountMax: 1 << 20)
      warm.add(watch.wallSeconds * 1e3)
      precondition(source.roundCount == 1)
    } else {
      let watch = Stopwatch()
      let reader = try ArchiveReader(
        opening: source, objectByteCount: source.base.byteCount, hotByteCount: footer.hotByteCount)
      _ = try reader.fetch(from: offset, byteCountMax: 1 << 20)
      cold.add(watch.wallSeconds * 1e3)
      precondition(source.roundCount == 2)
    }
  }
  print("\nfetch of 1 MiB at a random offset, local file: ms median / p99")
  print("  footer at hand, 1 read    \(format(warm.median, 2)) / \(format(warm.p99, 2))")
  print("  object opened, 2 reads    \(format(cold.median, 2)) / \(format(cold.p99, 2))")
}

/// The ten best records of one object, footer at hand.
func measureSearching(_ files: Files) throws {
  print(
    "\nsearch, top 10 with records, one object, local file: ms median / p99, rounds, bytes read, hits in all objects (phrases: at least)"
  )
  let queries: [(String, String, Query.Order)] = [
    ("common word, newest", "info", .newest), ("word, newest", "python", .newest), ("word, BM25", "python", .relevance),
    ("two words, newest", "python library", .newest), ("two words, BM25", "python library", .relevance),
    ("phrase, newest", "\"shared library\"", .newest), ("phrase, BM25", "\"shared library\"", .relevance),
    ("field:value, newest", "level:ERROR", .newest), ("key, newest", "key:order-4711", .newest),
    ("word without hit", "zyxwvut", .newest),
  ]
  for (name, text, order) in queries {
    var query = try Query(parsing: text)
    query.order = order
    var samples = Samples()
    var rounds = 0
    var bytes = 0
    var hits: [String: Int] = [:]
    for round in 0..<60 {
      let (path, footer) = files[round % files.count]
      let source = CountingRangeSource(try FileRangeSource(path: path))
      let watch = Stopwatch()
      let answer = try ObjectSearch(ArchiveReader(source: source, footer: footer), query: query).run()
      samples.add(watch.wallSeconds * 1e3)
      rounds = max(rounds, source.roundCount)
      bytes = max(bytes, source.byteCount)
      hits[path] = answer.total
    }
    print(
      "  " + name.padding(toLength: 22, withPad: " ", startingAt: 0),
      "\(format(samples.median, 2)) / \(format(samples.p99, 2))   \(rounds)   \(bytes / 1000) kB   \(hits.values.reduce(0, +))"
    )
  }
}
