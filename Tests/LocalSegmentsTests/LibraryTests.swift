import Glibc
import SegmentFormat
import Testing
import TierAPI
import TierKit

@testable import LocalSegmentsCore

/// The library as a host loads it, on the real disk, through the C table.
@Suite struct LibraryTests {
  private static func loadEntry() throws -> UnsafePointer<chronik_plugin> {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let executable = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let directory = executable.split(separator: "/").dropLast().joined(separator: "/")
    let handle = try #require(dlopen("/\(directory)/libLocalSegments.so", RTLD_NOW | RTLD_LOCAL | Int32(0x1000)))
    let symbol = try #require(dlsym(handle, CHRONIK_PLUGIN_ENTRY_SYMBOL))
    return try #require(unsafeBitCast(symbol, to: chronik_plugin_entry_fn.self)())
  }

  private static func makeDirectory() throws -> String {
    var template = Array("/tmp/segments.XXXXXX".utf8CString)
    return String(cString: try #require(mkdtemp(&template)))
  }

  private static func remove(_ path: String) {
    do throws(Errno) {
      for entry in try PosixFileSystem().list(path) {
        if entry.isDirectory { remove("\(path)/\(entry.name)") } else { unlink("\(path)/\(entry.name)") }
      }
      #expect(rmdir(path) == 0, "\(path) stays behind: errno \(errno)")
    } catch {
      Issue.record("\(path) stays behind: \(error)")
    }
  }

  /// The values as the host passes them: normalised defaults.
  private static let settings = [
    "preallocate": "33554432", "flush_threads": "2", "max_unflushed": "268435456", "checkpoint_interval": "10000",
    "open_files": "0", "commit_log": "auto", "commit_log_size": "4194304",
  ]

  /// Whether RWF_NOWAIT works on tmpfs depends on the kernel; an error that is not "would block" is wrong on every one.
  @Test(.enabled(if: access("/dev/shm", W_OK) == 0, "there is no /dev/shm"))
  func whereTheFileSystemCannotTellWhatIsCachedAReadWaits() throws {
    var template = Array("/dev/shm/segments.XXXXXX".utf8CString)
    let directory = String(cString: try #require(mkdtemp(&template)))
    defer { Self.remove(directory) }
    let fileSystem = PosixFileSystem()
    let descriptor = try fileSystem.open("\(directory)/f", .replacing)
    defer { fileSystem.close(descriptor) }
    let written: [UInt8] = [7, 8, 9]
    try written.withUnsafeBytes { try fileSystem.writeFully(descriptor, $0, at: 0) }
    var cached = [UInt8](repeating: 0, count: 3)
    do {
      try cached.withUnsafeMutableBytes { try fileSystem.readFully(descriptor, at: 0, into: $0, cachedOnly: true) }
      #expect(cached == written)
    } catch {
      #expect(error as? Errno == .wouldBlock)
    }
    var waited = [UInt8](repeating: 0, count: 3)
    try waited.withUnsafeMutableBytes { try fileSystem.readFully(descriptor, at: 0, into: $0) }
    #expect(waited == written)
  }

  @Test func theDescriptorTellsTheTruth() throws {
    let entry = try Self.loadEntry()
    #expect(entry.pointee.magic == CHRONIK_PLUGIN_MAGIC)
    let factory = try #require(entry.pointee.get_factory(CHRONIK_FACTORY_TIER))
      .assumingMemoryBound(to: chronik_tier_factory.self)
    #expect(factory.pointee.product_count == 1)
    let descriptor = factory.pointee.products[0].descriptor.pointee
    #expect(String(cString: descriptor.id) == "chronik.local-segments")
    #expect(String(cString: descriptor.name) == "LocalSegments")
    #expect(
      descriptor.abilities == CHRONIK_TIER_APPEND | CHRONIK_TIER_DURABLE | CHRONIK_TIER_SEAL | CHRONIK_TIER_READ
        | CHRONIK_TIER_REWRITE)
    let keys = try (0..<Int(descriptor.config_key_count)).map {
      String(cString: try #require(descriptor.config_keys)[$0].name)
    }
    #expect(Set(keys) == Set(Self.settings.keys))
  }

  @Test func aHostAppendsFlushesReadsAndReopens() throws {
    let directory = try Self.makeDirectory()
    defer { Self.remove(directory) }
    let factory = try #require(try Self.loadEntry().pointee.get_factory(CHRONIK_FACTORY_TIER))
    let tier = factory.assumingMemoryBound(to: chronik_tier_factory.self).pointee.products[0].tier
    let host = FakeHost()
    for round in Int64(0)..<2 {
      let caller = try TableCaller(tier.pointee, host, directory, Self.settings)
      let partition = try caller.open(Rig.orders)
      #expect(caller.state(partition).end_offset == round * 20)
      let batches = series(20, from: round * 20)
      for batch in batches { try caller.append(batch, to: partition) }
      #expect(try caller.flush(partition) == round * 20 + 20)
      for flags in [0, CHRONIK_NONBLOCKING] {
        #expect(try caller.read(partition, from: round * 20 + 3, flags: flags) == bytes(batches[3...]))
      }
      let second = #expect(throws: TierError.self) { try TableCaller(tier.pointee, host, directory, Self.settings) }
      #expect(second?.code == .fenced)
      caller.end(partition)
    }
    let report = try SegmentVerifier.verify(directory: "\(directory)/orders-3", baseOffset: 0)
    #expect(report.findings.isEmpty)
    #expect(report.batchCount == 40 && report.nextOffset == 40)
    #expect(host.linesAtLeast(.warning).isEmpty)
  }

  @Test func verifyNamesTheByteOfTheDamage() throws {
    let directory = try Self.makeDirectory()
    defer { Self.remove(directory) }
    let log = bytes(series(10))
    func write(_ name: String, _ bytes: [UInt8]) throws {
      let descriptor = open("\(directory)/\(name)", O_RDWR | O_CREAT | O_TRUNC, 0o600)
      defer { close(descriptor) }
      _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }
    func reasons() throws -> [String] {
      try SegmentVerifier.verify(directory: directory, baseOffset: 0).findings.map {
        "\($0.path.split(separator: ".").last!) \($0.position)"
      }
    }
    try write(file(0, "log"), log)
    #expect(try reasons() == ["index 0", "timeindex 0"])
    try write(file(0, "index"), big(Int32(3)) + big(Int32(303)))
    try write(file(0, "timeindex"), big(Int64(1_009)) + big(Int32(9)))
    #expect(try reasons() == [])
    try write(file(0, "index"), big(Int32(3)) + big(Int32(303)) + big(Int32(5)) + big(Int32(506)))
    try write(file(0, "timeindex"), big(Int64(1_009)) + big(Int32(10)))
    #expect(try reasons() == ["index 8", "timeindex 0"])
    var damaged = log
    damaged[404 + 70] ^= 1
    try write(file(0, "log"), damaged)
    #expect(try reasons().first == "log 404")
  }
}
