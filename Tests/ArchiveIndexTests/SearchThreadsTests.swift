import Testing
import TierKit

@testable import ArchiveIndexCore

@Suite struct SearchThreadsTests {
  private struct NothingElse: SearchSource {
    func read(_ scope: Int, _ request: ReadRequest) throws(TierError) -> SourceAnswer? { nil }
  }

  /// The host's threads serve appends and disk reads, which must not wait behind a store that is slow.
  @Test func searchingTakesNoThreadOfTheHost() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(60)
    try partition.importSegment(all)
    #expect(rig.store.keys.count > 2, "one unit would need no help")
    let scope = SearchScope(partition: partition, offsets: 0..<120)
    let found = try rig.tier.search(SearchRequest(query: [], key: Array("key-0".utf8)), [scope], source: NothingElse())
    #expect(found.hits.map(\.offset).sorted() == [0, 1])
    #expect(found.reasonForPartial == nil)
    #expect(rig.host.borrowedThreads.load(ordering: .relaxed) == 0)
  }
}
