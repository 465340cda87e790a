import ArchiveFormat
import TierKit

extension ArchivePartition {
  package func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome {
    let objects = objects
    guard offsets(objects).contains(request.offset) else { return .miss }
    let call = request.nonblocking ? nil : environment.access.call()
    var cursor = ReadCursor(request)
    var isAcross = false
    while !cursor.isAtEnd, cursor.offset < objects.endOffset {
      guard let object = objects.object(for: cursor.offset), object.name.offsets.contains(cursor.offset) else {
        if cursor.offset < objects.emptyEnd {
          cursor.skip(to: objects.emptyEnd, answer)
          break
        }
        // The answer ends before offsets that are lost; it never steps over them.
        if !cursor.isEmpty { break }
        throw TierError(.notFound, "\(id.topic)-\(id.partition): no archived object has offset \(cursor.offset)")
      }
      do throws(TierError) {
        // What another object adds is welcome, but not worth another wait.
        let end = try environment.read(object, &cursor, into: answer, isAcross && !cursor.isEmpty ? nil : call)
        if end == .wouldBlock, cursor.isEmpty { return .wouldBlock }
        if end != .exhausted { break }
      } catch {
        // What was found stands; the next read meets the trouble at its start.
        if cursor.isEmpty { throw error }
        break
      }
      isAcross = true
    }
    noteRead(from: request.offset, to: cursor.offset, objects)
    return .ok
  }

  /// The first batch in offset order that reaches into the range and whose maxTimestamp is `timestamp` or later.
  package func findTimestamp(
    _ timestamp: Int64, in range: Range<Int64>, nonblocking: Bool
  ) throws(TierError) -> TimestampOutcome {
    let objects = objects
    let held = offsets(objects)
    let range = max(range.lowerBound, held.lowerBound)..<max(range.upperBound, held.lowerBound)
    guard !range.isEmpty else { return .miss }
    let call = nonblocking ? nil : environment.access.call()
    // An object's name has 0 for times before 1970.
    for object in objects.objects(in: range) where object.name.maxTimestamp >= timestamp {
      switch try environment.findTimestamp(timestamp, in: range, object, call) {
      case .miss: continue
      case let outcome: return outcome
      }
    }
    return .miss
  }
}

extension ArchiveEnvironment {
  /// As a tier's find_timestamp, in one object; with `call` nil only from memory.
  func findTimestamp(
    _ timestamp: Int64, in range: Range<Int64>, _ object: IndexedObject, _ call: StoreCall?
  ) throws(TierError) -> TimestampOutcome {
    guard let footer = try footer(of: object, call)?.footer else { return .wouldBlock }
    for (index, frame) in footer.frames.enumerated() {
      let end = index + 1 < footer.frames.count ? footer.frames[index + 1].firstOffset : footer.range.nextOffset
      guard end > range.lowerBound, frame.maxTimestamp >= timestamp else { continue }
      guard frame.firstOffset < range.upperBound else { return .miss }
      guard let content = try self.frame(object, footer, index, call) else { return .wouldBlock }
      let found = content.batches.first {
        $0.maxTimestamp >= timestamp && $0.nextOffset > range.lowerBound && $0.baseOffset < range.upperBound
      }
      if let found { return .found(baseOffset: found.baseOffset, maxTimestamp: found.maxTimestamp) }
    }
    return .miss
  }
}
