import NIOConcurrencyHelpers
import Testing

@testable import Host

@Suite("Blocking work")
struct BlockingPoolTests {
  @Test("everything that was submitted has run when stop returns", arguments: [1, 4])
  func drains(threads: Int) {
    let pool = BlockingPool(threads: threads)
    let count = NIOLockedValueBox(0)
    for _ in 0..<2000 { pool.run { count.withLockedValue { $0 += 1 } } }
    pool.stop()
    #expect(count.withLockedValue { $0 } == 2000)
  }

  @Test("one thread keeps the order of submission")
  func ordered() {
    let pool = BlockingPool(threads: 1)
    let seen = NIOLockedValueBox<[Int]>([])
    for index in 0..<500 { pool.run { seen.withLockedValue { $0.append(index) } } }
    pool.stop()
    #expect(seen.withLockedValue { $0 } == Array(0..<500))
  }

  @Test("a parallel map keeps the order of its inputs and has every result", arguments: [2, 3, 8, 100, 5000])
  func map(count: Int) throws {
    let results = try Parallel.map(Array(0..<count), threads: 4) { $0 * 2 }
    #expect(results == (0..<count).map { $0 * 2 })
  }

  @Test("the first error of a parallel map is thrown")
  func mapError() {
    struct Odd: Error, Equatable {}
    #expect(throws: Odd.self) { try Parallel.map(Array(0..<100), threads: 4) { if $0 == 57 { throw Odd() } } }
  }
}
