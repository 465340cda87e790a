import ArchiveFormat
import TierKit

extension ArchiveEnvironment {
  /// What the footers say of objects that the index does not know, past what is kept of them. Those that are damaged or
  /// gone are left out. Reads many at a time; `note` is told how many are done. Blocks.
  func foundFooters(
    of objects: [IndexedObject], _ note: (_ done: Int) throws(TierError) -> Void
  ) throws(TierError) -> [ObjectName: FooterFinding] {
    var found: [ObjectName: FooterFinding] = [:]
    if objects.isEmpty { return found }
    try ParallelWork<(ObjectName, FooterFinding)?>(width: Limits.footerReadsMax).run(objects.count) {
      [self] (number) throws(TierError) in
      let object = objects[number]
      forget(object.name)
      do throws(TierError) {
        return (object.name, try footers.find(object, access.call(), in: access.withoutGate))
      } catch {
        guard error.code == .corrupt || error.code == .notFound else { throw error }
        return nil
      }
    } receive: { (new, done) throws(TierError) in
      for case (let name, let finding)? in new { found[name] = finding }
      try note(done)
      return true
    }
    return found
  }
}
