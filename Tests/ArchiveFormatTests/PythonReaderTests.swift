import Foundation
import KafkaRecords
import Testing

@testable import ArchiveFormat

/// Asks the independent reader, which was written from the text of the format.
enum PythonReader {
  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("reader.py").path

  /// One answer per query.
  static func ask(_ object: ArchivedObject, _ queries: [[String: Any]]) throws -> [[String: Any]] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("object-\(UUID().uuidString).kar")
    try object.withBytes { try Data($0).write(to: file) }
    defer { Tool.remove(file) }
    var input: [UInt8] = []
    for query in queries {
      input += [UInt8](try JSONSerialization.data(withJSONObject: query)) + [0x0A]
    }
    let output = try Tool.run("python3", [script, file.path], input: input)
    let answers = try output.split(separator: 0x0A).map {
      try #require(try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any])
    }
    try #require(answers.count == queries.count)
    return answers
  }
}

func hex(_ bytes: [UInt8]) -> String {
  bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}

@Suite struct PythonReaderTests {
  @Test(arguments: [UInt64](1...2))
  func theIndependentReaderAgreesOnEverything(seed: UInt64) throws {
    let segment = TestSegment(seed: seed)
    let object = try segment.archive(parts: 2)
    let reader = try ArchiveReader(object)
    var random = SeededGenerator(seed: seed)
    var queries: [[String: Any]] = []
    var checks: [([String: Any]) throws -> Bool] = []
    func ask(_ query: [String: Any], _ check: @escaping ([String: Any]) throws -> Bool) {
      queries.append(query)
      checks.append(check)
    }
    ask(["op": "footer"]) { answer in
      answer["docs"] as? Int == segment.documentCount && answer["tokens"] as? Int == object.footer.range.tokenCount
        && answer["terms"] as? Int == object.statistics.termCount && answer["topic"] as? String == "logs"
        && answer["next"] as? Int == Int(segment.nextOffset) && answer["partition"] as? Int == 3
        && (answer["aborted"] as? [[Int]])?.count == segment.aborted.count
        && (answer["epochs"] as? [[Int]])?.count == object.footer.epochs.count
    }
    ask(["op": "verify"]) { _ in true }
    let (_, norms) = try reader.termPostings([], withNorms: true)
    ask(["op": "norms"]) { $0["norms"] as? [Int] == norms.map(Int.init) }
    for _ in 0..<20 {
      let offset = object.footer.range.baseOffset + Int64(random.below(Int(segment.nextOffset - 1000)))
      let fetched = try reader.fetch(from: offset, byteCountMax: 3000)
      ask(["op": "fetch", "offset": Int(offset), "max": 3000]) { $0["next"] as? Int == Int(fetched.nextOffset) }
      let time = segment.records[random.below(segment.records.count)].timestamp + Int64(random.below(3)) - 1
      let found = try reader.firstOffset(withTimestamp: time)
      ask(["op": "time", "time": Int(time)]) { ($0["found"] as? [Int])?.first == found.map { Int($0.offset) } }
    }
    for index in 0..<55 {
      let key = Array("key-\(index)".utf8)
      var offset: Int?
      if case .found(let record) = try reader.lookup(key: key) { offset = Int(record.offset) }
      ask(["op": "key", "key": hex(key)]) { $0["offset"] as? Int == offset }
    }
    let tokens = Set(segment.records.flatMap { $0.texts.flatMap(TokenList.of) })
    for token in tokens {
      let list = try reader.postings(token: token) ?? PostingList()
      ask(["op": "token", "token": hex(token)]) { answer in
        answer["docs"] as? [Int] == list.documents.map(Int.init)
          && answer["tfs"] as? [Int] == list.frequencies.map(Int.init)
      }
    }
    let text = Array((TestSegment.words.joined(separator: " ") + " ΣΊΣΥΦΟΣ ς ẞ K ſ İ ᾈ Ꭰ 東a京").utf8)
    ask(["op": "tokens", "text": hex(text)]) { $0["tokens"] as? [String] == TokenList.of(text).map(hex) }
    for ((query, check), answer) in zip(zip(queries, checks), try PythonReader.ask(object, queries)) {
      #expect(try check(answer), "seed \(seed): \(query) was answered \(answer)")
    }
  }

  @Test func objectsWithLongListsAndManyBlocks() throws {
    var shape = TestSegment.Shape()
    shape.codecs = [.none]
    shape.batchCount = 150
    shape.vocabulary = TestSegment.words + (0..<6000).map { "word\($0 * 7919)" }
    let segment = TestSegment(seed: 99, shape: shape)
    let object = try segment.archive()
    #expect(object.footer.termIndex.blocks.count > 2 && object.footer.sections[.postings]!.count > 1000)
    let answer = try PythonReader.ask(object, [["op": "verify"]])[0]
    #expect((answer["sha"] as? String)?.count == 64)
  }
}
