import Testing

@testable import Host
@testable import PluginLoader

@Suite("Hits on their way into an answer")
struct HitCollectorTests {
  private func collect(_ values: [[UInt8]], key: [UInt8] = [], max: Int = .max) -> [FoundRecord] {
    var collector = HitCollector(partitions: [7], maxValueBytes: max)
    for (index, value) in values.enumerated() {
      value.withUnsafeBytes { value in
        key.withUnsafeBytes { key in
          collector.add(
            SearchHit(
              target: 0, offset: Int64(index), timestamp: 1, isAppendTime: false, key: key, value: value, headers: [],
              score: 0))
        }
      }
    }
    return collector.records
  }

  @Test("values are cut at the wanted length and say how long they are")
  func cut() {
    let records = collect([[1, 2, 3], [4]], max: 2)
    #expect(records.map(\.value) == [[1, 2], [4]])
    #expect(records.map(\.valueByteCount) == [3, 1] && records.map(\.partition) == [7, 7])
  }

  @Test("when the answer is full, records still come, without their bytes")
  func full() {
    let large = [UInt8](repeating: 9, count: 10 << 20)
    let records = collect([large, large, [1]], key: [5])
    #expect(records.map { $0.value?.count } == [10 << 20, (6 << 20) - 2, 0])
    #expect(records.map(\.valueByteCount) == [10 << 20, 10 << 20, 1])
    #expect(records.map(\.isAbridged) == [false, false, true])
  }
}
