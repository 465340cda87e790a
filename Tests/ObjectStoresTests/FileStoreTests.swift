import Foundation
@testable import ObjectStores
import Synchronization
import Testing
import TierAPI
import TierKit

/// What the store file does with its directory, and what it leaves when the disk or the power fails.
@Suite struct FileStoreTests {
  let scratch = ScratchDirectory()
  let host = TestHost(seed: UInt64.random(in: 0 ... .max))
  var root: String { scratch.path + "/objects" }

  func open(_ disk: any StoreFileSystem = PosixStoreFileSystem()) throws -> FileStore {
    let store = try FileStore(
      host: host.services,
      options: StoreOptions(instanceName: "t", dataDirectory: scratch.path, settings: ["path": root]), fileSystem: disk)
    try store.start(StoreCall())
    return store
  }

  func names(_ path: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }

  @Test func thePathMayBeGivenOrIsTheDataDirectory() throws {
    let plain = try FileStoreConfiguration(StoreKind.fileOptions("/data/x"))
    #expect(plain.root == "/data/x")
    for path in ["relative", "/", "//"] {
      #expect(
        failureCode {
          _ = try FileStoreConfiguration(StoreOptions(instanceName: "t", dataDirectory: "/d", settings: ["path": path]))
        } == .invalidConfiguration)
    }
  }

  @Test func removalsPruneEmptyDirectoriesAndNothingElse() throws {
    let store = try open()
    for key in ["a/b/c/d", "a/b/e", "f"] { try store.put(key, [1]) }
    try store.remove(["a/b/c/d"], StoreCall())
    #expect(try names(root + "/a/b") == ["e"])
    try store.remove(["a/b/e", "f"], StoreCall())
    #expect(try names(root) == ["#incoming"])
    #expect(try names(root + "/#incoming") == [])
  }

  @Test func putsWinAgainstRemovalsThatPruneTheirDirectory() throws {
    let store = try open()
    let failures = onThreads(4) { thread -> [TierError] in
      (0..<300).compactMap { round in
        failure {
          try store.put("p/q/\(thread)", [UInt8(truncatingIfNeeded: round)])
          guard try store.get("p/q/\(thread)") == [UInt8(truncatingIfNeeded: round)] else {
            throw TierError(.corrupt, "another object")
          }
          try store.remove(["p/q/\(thread)"], StoreCall())
        }
      }
    }
    #expect(failures.flatMap { $0 }.isEmpty)
    #expect(try names(root) == ["#incoming"])
  }

  @Test func symbolicLinksForeignAndSpecialFilesAreNoObjects() throws {
    let store = try open()
    try store.put("d/real", [1])
    try "secret".write(toFile: scratch.path + "/outside", atomically: true, encoding: .utf8)
    mkdir(scratch.path + "/elsewhere", 0o755)
    try "x".write(toFile: scratch.path + "/elsewhere/inside", atomically: true, encoding: .utf8)
    symlink(scratch.path + "/outside", root + "/d/link")
    symlink(scratch.path + "/elsewhere", root + "/linked")
    mkfifo(root + "/d/fifo", 0o644)
    try "x".write(toFile: root + "/d/foreign name!", atomically: true, encoding: .utf8)
    #expect(try store.allKeys() == ["d/real"])
    for key in ["d/link", "d/fifo", "linked/inside"] {
      #expect(try store.head(key, StoreCall()) == nil)
      #expect(store.readRanges([(key, 0, 1)]).0[0].status == CHRONIK_NOT_FOUND)
      try store.remove([key], StoreCall())
    }
    #expect(failureCode { try store.put("linked/new", [1]) } == .permanent)
    #expect(failureCode { try store.put("d/link", [1], ifAbsent: true) } == .permanent)
    try store.remove(["d/real"], StoreCall())
    #expect(try names(root + "/d") == ["fifo", "foreign name!", "link"])
    #expect(try names(scratch.path + "/elsewhere") == ["inside"])
  }

  @Test func aStartRemovesWhatDeadWritersLeftAndNothingElse() throws {
    _ = try open()
    let incoming = root + "/#incoming/"
    for name in ["00000000deadbeef", "00000000000000aa", "not-ours", "00000000DEADBEEF"] {
      try "x".write(toFile: incoming + name, atomically: false, encoding: .utf8)
    }
    let living = Foundation.open(incoming + "00000000000000aa", O_RDWR)
    #expect(flock(living, LOCK_EX | LOCK_NB) == 0)
    _ = try open()
    #expect(try names(incoming).count == 4, "younger than a minute")
    host.wallClockOffset.store(3_600_000, ordering: .relaxed)
    _ = try open()
    #expect(try names(incoming) == ["00000000000000aa", "00000000DEADBEEF", "not-ours"])
    close(living)
  }

  @Test func aPutWhoseKeyIsADirectoryOrGoesOnBehindAnObjectIsRefused() throws {
    let store = try open()
    try store.put("a/b", [1])
    #expect(failureCode { try store.put("a", [1]) } == .permanent)
    #expect(failureCode { try store.put("a", [1], ifAbsent: true) } == .permanent)
    #expect(failureCode { try store.put("a/b/c", [1]) } == .permanent)
    #expect(try store.allKeys() == ["a/b"])
    #expect(try names(root + "/#incoming") == [])
  }

  /// Every call of a put fails once, with every error: nothing or the old object stays, the next put works, and the
  /// failure has the right code.
  @Test(arguments: [
    (ENOSPC, TierError.Code.noSpace), (EDQUOT, .noSpace), (EIO, .permanent), (EACCES, .permanent), (EROFS, .permanent),
    (EMFILE, .retriable),
  ]) func aFailureAtAnyStepOfAPutLeavesNothingHalf(errno: Int32, code: TierError.Code) throws {
    for ifAbsent in [true, false] {
      var step = 0
      while true {
        let disk = FailingDisk()
        let store = try open(disk)
        disk.plan.withLock { $0 = FailingDisk.Plan(failAt: step, errno: errno) }
        let error = failure { try store.put("n\(ifAbsent)/\(errno)/\(step)", pattern(5000), ifAbsent: ifAbsent) }
        let happened = disk.plan.withLock { plan in
          defer { plan = FailingDisk.Plan() }
          return plan.happened
        }
        guard let happened else { break }
        if let error { #expect(error.code == code, "\(happened): \(error)") }
        let key = "n\(ifAbsent)/\(errno)/\(step)"
        if let info = try store.head(key, StoreCall()) {
          #expect(info.byteCount == 5000 && (happened.hasPrefix("sync") || error == nil), "\(happened)")
        } else {
          #expect(error != nil, "\(happened) was passed over")
        }
        try store.put(key, pattern(5000))
        #expect(try store.get(key) == pattern(5000))
        step += 1
      }
      #expect(step > 6)
    }
    #expect(try names(root + "/#incoming").count <= 2, "only those whose own removal failed")
  }

  @Test func shortWritesAndReadsAreContinued() throws {
    let disk = FailingDisk()
    disk.plan.withLock { $0.transferMax = 7 }
    let store = try open(disk)
    try store.put("s", pattern(1001))
    #expect(try store.get("s") == pattern(1001))
  }

  @Test func bytesThatTheDiskChangedAreFoundBeforeThePutEnds() throws {
    let disk = FailingDisk()
    let store = try open(disk)
    disk.plan.withLock { $0.flipsWrites = true }
    #expect(failureCode { try store.put("s", pattern(1001)) } == .corrupt)
    #expect(try store.head("s", StoreCall()) == nil)
  }

  /// A process that dies between any two steps of a put: a later one sees nothing or the whole object, and cleans up.
  @Test func deathBetweenAnyTwoStepsOfAPutLeavesNothingOrTheWholeObject() throws {
    var step = 0
    while true {
      let disk = FailingDisk()
      let store = try open(disk)
      disk.plan.withLock { $0 = FailingDisk.Plan(failAt: step, errno: EIO, isDead: true) }
      let key = "crash/\(step)/x"
      let error = failure { try store.put(key, pattern(3000), ifAbsent: true) }
      guard disk.plan.withLock({ $0.happened }) != nil else {
        #expect(error == nil)
        break
      }
      host.wallClockOffset.store(3_600_000, ordering: .relaxed)
      let next = try open()
      #expect(try names(root + "/#incoming") == [])
      if try next.head(key, StoreCall()) != nil { #expect(try next.get(key) == pattern(3000)) }
      try next.put(key, pattern(3000), ifAbsent: true)
      #expect(try next.get(key) == pattern(3000))
      step += 1
    }
    #expect(step > 8)
  }

  /// What must be durable before what: file, then name, then every directory whose names changed, innermost first.
  @Test func aPutSyncsTheFileBeforeItHasANameAndTheDirectoriesAfter() throws {
    let disk = FailingDisk()
    let store = try open(disk)
    disk.plan.withLock { $0.log = [] }
    try store.put("x/y/z", [1, 2], ifAbsent: true)
    let log = disk.plan.withLock { $0.log }.filter { !$0.hasPrefix("status") && !$0.hasPrefix("lock") }
      .map { $0.replacingOccurrences(of: root, with: "").prefix(while: { $0 != "#" }) }
    #expect(
      log == [
          "create /", "write", "sync file", "read", "read", "mkdir /x", "mkdir /x/y", "link /x/y/z", "sync /x/y",
          "sync /x",
        "sync ", "unlink /",
      ].map { Substring($0) })
    disk.plan.withLock { $0.log = [] }
    try store.put("x/y/z2", [1, 2])
    #expect(disk.plan.withLock { $0.log }.filter { $0.hasPrefix("sync") } == ["sync file", "sync \(root)/x/y"])
    disk.plan.withLock { $0.log = [] }
    #expect(try !store.put("x/y/z", [1, 2], ifAbsent: true))
    #expect(
      disk.plan.withLock { $0.log }.filter { $0.hasPrefix("sync") }
        == ["sync \(root)/x/y", "sync \(root)/x", "sync \(root)"], "who was first may not have synced yet")
  }

  @Test func tenThousandKeysAreListedInOrder() throws {
    let store = try open()
    let keys = tenThousandKeys()
    // Not through put: ten thousand syncs would test the disk.
    for directory in 0..<7 {
      try FileManager.default.createDirectory(atPath: "\(root)/t/\(directory)", withIntermediateDirectories: true)
    }
    for key in keys { close(creat("\(root)/\(key)", 0o644)) }
    #expect(try store.allKeys() == keys.sorted())
    #expect(try store.allKeys("t/3/") == keys.filter { $0.hasPrefix("t/3/") })
    let flat = (0..<10_000).map { "n" + String($0) }
    for name in flat { close(creat("\(root)/\(name)", 0o644)) }
    #expect(try store.allKeys("n", page: 700) == flat.sorted(), "more names than one directory's worth at once")
  }

  @Test func callsEndAtTheirDeadlineAndWhenCancelled() throws {
    let store = try open()
    #expect(failureCode { try store.put("x", [1], StoreCall(deadline: 1)) } == .retriable)
    #expect(failureCode { try store.put("x", [1], StoreCall(isCancelled: { true })) } == .cancelled)
    #expect(try store.head("x", StoreCall()) == nil)
    store.stop()
    #expect(failureCode { try store.put("x", [1]) } == .cancelled)
  }
}
