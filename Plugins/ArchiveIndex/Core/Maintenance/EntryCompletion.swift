import ArchiveFormat
import TierKit

/// Reads the footers of objects of which only their names are known, so that sizes and times become exact. Readers can
/// do without; retention by size cannot quite.
extension ArchiveEnvironment {
  /// Completes entries until none is left that can be, and returns how many it could. Reads `width` footers at a time.
  /// `goesOn` is asked on the caller's thread, several times a second; nothing is asked when nothing is to be done.
  /// What is damaged or gone stays as it is: that is for `verify` to report.
  func completeEntries(
    width: Int, _ goesOn: (_ done: Int, _ total: Int) throws(TierError) -> Bool
  ) throws(TierError) -> Int {
    let objects = index.current.entries.filter { $0.rawByteCount < 0 }
    guard !objects.isEmpty, try goesOn(0, objects.count) else { return 0 }
    var count = 0
    try ParallelWork<IndexedObject?>(width: width).run(objects.count) { [self] (number) throws(TierError) in
      try completed(objects[number])
    } receive: { (completed, done) throws(TierError) in
      count += try record(completed.compactMap { $0 })
      return try goesOn(done, objects.count)
    }
    return count
  }

  func completed(_ object: IndexedObject) throws(TierError) -> IndexedObject? {
    do throws(TierError) {
      return object.completed(by: try footers.load(object, access.call(), in: access.withoutGate).footer)
    } catch {
      guard error.code == .corrupt || error.code == .notFound else { throw error }
      return nil
    }
  }

  /// What was removed meanwhile stays removed.
  func record(_ objects: [IndexedObject]) throws(TierError) -> Int {
    try index.commit { state in
      objects.filter { state[$0.id]?.objects[$0.name] != nil }.map { .add($0) }
    }.count
  }
}
