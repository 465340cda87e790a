import ArchiveFormat
import TierKit

/// Reads the footers of objects of which only their names are known, so that sizes and times become exact. Readers can
/// do without; retention by size cannot quite.
extension ArchiveEnvironment {
  /// Completes entries until none is left that can be, and returns how many it could. `goesOn` is asked before each.
  /// What is damaged or gone stays as it is: that is for `verify` to report.
  func completeEntries(_ goesOn: (_ done: Int, _ total: Int) throws(TierError) -> Bool) throws(TierError) -> Int {
    let objects = index.current.entries.filter { $0.rawByteCount < 0 }
    var completed: [IndexedObject] = []
    var count = 0
    for (number, object) in objects.enumerated() {
      guard try goesOn(number, objects.count) else { break }
      do throws(TierError) {
        completed.append(object.completed(by: try footers.load(object, access.call()).footer))
      } catch {
        guard error.code == .corrupt || error.code == .notFound else { throw error }
      }
      if completed.count == Limits.changesPerRecordMax / 8 {
        count += try record(completed)
        completed = []
      }
    }
    return try count + record(completed)
  }

  /// What was removed meanwhile stays removed.
  private func record(_ objects: [IndexedObject]) throws(TierError) -> Int {
    try index.commit { state in
      objects.filter { state[$0.id]?.objects[$0.name] != nil }.map { .add($0) }
    }.count
  }
}
