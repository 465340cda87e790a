import Dispatch
import Foundation
import Synchronization
import Testing
import TierKit

@testable import LocalSegmentsCore

/// A reader that looked at the log before it was cut and goes on while it is being cut.
@Suite struct ReadBesideTruncationTests {
  @Test func aBoundaryOfBeforeTheCutIsNotRememberedAfterIt() throws {
    let rig = try Rig()
    let log = try rig.open()
    let old = series(40)
    try log.append(old)
    let hasLooked = DispatchSemaphore(value: 0)
    let mayGoOn = DispatchSemaphore(value: 0)
    let isDone = DispatchSemaphore(value: 0)
    let readers = Mutex<Set<ObjectIdentifier>>([])
    rig.disk.beforeCall = { operation, path in
      if operation == .read, readers.withLock({ $0.remove(ObjectIdentifier(Thread.current)) }) != nil {
        hasLooked.signal()
        mayGoOn.wait()
      }
      // Readers do not see any more what goes, and the segment that was cut has its place still.
      if operation == .rename, path.hasSuffix(".log") {
        mayGoOn.signal()
        isDone.wait()
      }
    }
    let reader = Thread {
      _ = readers.withLock { $0.insert(ObjectIdentifier(Thread.current)) }
      do {
        // Before the cut or after it; nothing else may be seen.
        let answer = try log.answer(10, end: 33)
        #expect(answer.bytes == bytes(old[10..<33]) || answer.bytes == bytes(old[10..<20]))
      } catch {
        Issue.record(error)
      }
      isDone.signal()
    }
    reader.start()
    hasLooked.wait()
    try log.truncate(to: 20)
    rig.disk.beforeCall = nil
    let new = series(20, from: 20, size: 55)
    try log.append(new)
    for offset in 20..<40 {
      let answer = try log.answer(Int64(offset))
      #expect(answer.start == Int64(offset) && answer.bytes == bytes(new[(offset - 20)...]), "offset \(offset)")
    }
  }

  @Test func oneAnswerHoldsBatchesOfBeforeTheCutOrOfAfterIt() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(20))
    let request = ReadRequest(offset: 0, endOffset: .max, maxBytes: .max, minOneBatch: true, nonblocking: false)
    var ends: [Int64] = []
    let (outcome, slice) = try log.read(request, limit: 4) { region in
      ends.append(region.position + Int64(region.byteCount))
      guard ends.count == 1 else { return }
      do {
        try log.truncate(to: 15)
        try log.append([TestBatch(at: 15, count: 10)])
      } catch {
        Issue.record(error)
      }
    }
    #expect(outcome == .ok && ends == [20 * 101] && slice.nextOffset == 20)
    #expect(try log.answer(18).start == 15)
  }
}
