import Glibc

@testable import LocalSegmentsCore

/// A disk in memory that remembers what a sync has made durable, so that a test can cut the power and look at what is
/// left. Worse than ext4: names of separate directories become durable independently, and unsynced bytes of a file
/// survive sector by sector, at random.
final class SimulatedDisk: FileSystem, @unchecked Sendable {
  enum Operation: String, CaseIterable {
    case open, write, read, truncate, allocate, syncData, syncDirectory, rename, remove, makeDirectory, removeDirectory
  }

  /// Fails operations on paths that contain `path`, after letting `skip` of them through, `count` times.
  struct Fault {
    var operation: Operation
    var path: String
    var skip = 0
    var count = Int.max
    var errno: Errno
  }

  final class Inode {
    var bytes: [UInt8] = []
    var durable: [UInt8] = []
  }

  enum Node {
    case file(Inode)
    case directory(Directory)
  }

  final class Directory {
    var names: [String: Node] = [:]
    var durable: [String: Node] = [:]
    /// Name changes since the last sync, in order; nil removes.
    var pending: [[(String, Node?)]] = []

    func change(_ changes: [(String, Node?)]) {
      for (name, node) in changes { names[name] = node }
      pending.append(changes)
    }
  }

  private let lock = Guarded(false)
  private var root = Directory()
  private var descriptors: [Int32: (inode: Inode, path: String)] = [:]
  private var nextDescriptor: Int32 = 100
  private var locked: [ObjectIdentifier: Int32] = [:]
  private var operationCount = 0
  private var isOff = false
  private var generator: SplitMix

  // Settings, changed by the test while nothing runs.
  var faults: [Fault] = []
  /// The number of the changing operation at which the power goes.
  var cutAt: Int?
  var writeByteCountMax: Int?
  /// Bytes that all files together may have.
  var capacity: Int?
  /// Runs after a file was made durable and before its caller hears of it.
  var afterSync: (() -> Void)?
  /// Runs before a read, a rename or the sync of a directory, on the thread that makes it; it may wait for others.
  var beforeCall: ((Operation, String) -> Void)?
  /// Paths of files that were synced, in order; the test empties it.
  var synced: [String] = []
  /// Whether nothing is in the page cache.
  var isCold = false

  init(seed: UInt64 = 1) {
    generator = SplitMix(seed)
    let data = Directory()
    root.change([("data", .directory(data))])
    root.durable = root.names
    root.pending = []
  }

  var changeCount: Int { lock.withLock { _ in operationCount } }
  var openDescriptorCount: Int { lock.withLock { _ in descriptors.count } }

  /// The disk as it is found after the power came back.
  func afterPowerCut(seed: UInt64) -> SimulatedDisk {
    lock.withLock { _ in
      let disk = SimulatedDisk(seed: seed)
      var generator = SplitMix(seed)
      disk.root = survivor(root, &generator)
      return disk
    }
  }

  /// The disk after a power cut that left nothing but what was made durable.
  func afterLosingAll() -> SimulatedDisk {
    func survivor(_ directory: Directory) -> Directory {
      let result = Directory()
      for (name, node) in directory.durable {
        switch node {
        case .file(let inode):
          let copy = Inode()
          copy.bytes = inode.durable
          copy.durable = inode.durable
          result.names[name] = .file(copy)
        case .directory(let child): result.names[name] = .directory(survivor(child))
        }
      }
      result.durable = result.names
      return result
    }
    return lock.withLock { _ in
      let disk = SimulatedDisk()
      disk.root = survivor(root)
      return disk
    }
  }

  /// The disk as it is found after the process died: everything written is there.
  func afterKill() -> SimulatedDisk {
    lock.withLock { _ in
      let disk = SimulatedDisk()
      disk.root = root
      return disk
    }
  }

  /// A copy of everything as it is, all of it durable.
  func afterLosingNothing() -> SimulatedDisk {
    func copy(_ directory: Directory) -> Directory {
      let result = Directory()
      for (name, node) in directory.names {
        switch node {
        case .file(let inode):
          let fresh = Inode()
          fresh.bytes = inode.bytes
          fresh.durable = inode.bytes
          result.names[name] = .file(fresh)
        case .directory(let child): result.names[name] = .directory(copy(child))
        }
      }
      result.durable = result.names
      return result
    }
    return lock.withLock { _ in
      let disk = SimulatedDisk()
      disk.root = copy(root)
      return disk
    }
  }

  private func survivor(_ directory: Directory, _ generator: inout SplitMix) -> Directory {
    let result = Directory()
    var names = directory.durable
    let kept = Int.random(in: 0...directory.pending.count, using: &generator)
    for changes in directory.pending.prefix(kept) {
      for (name, node) in changes { names[name] = node }
    }
    for (name, node) in names.sorted(by: { $0.key < $1.key }) {
      switch node {
      case .file(let inode):
        let copy = Inode()
        copy.bytes = survivingBytes(inode, &generator)
        copy.durable = copy.bytes
        result.names[name] = .file(copy)
      case .directory(let child): result.names[name] = .directory(survivor(child, &generator))
      }
    }
    result.durable = result.names
    return result
  }

  /// Old or new bytes, decided per sector; a size between the durable and the last one. What was never written is zero.
  private func survivingBytes(_ inode: Inode, _ generator: inout SplitMix) -> [UInt8] {
    if inode.bytes == inode.durable { return inode.durable }
    let mode = Int.random(in: 0..<4, using: &generator)
    if mode == 0 { return inode.durable }
    if mode == 1 { return inode.bytes }
    let low = min(inode.durable.count, inode.bytes.count)
    let high = max(inode.durable.count, inode.bytes.count)
    let size = Int.random(in: low...high, using: &generator)
    var result = [UInt8](repeating: 0, count: size)
    for start in stride(from: 0, to: size, by: 512) {
      let useNew = Bool.random(using: &generator)
      for index in start..<min(start + 512, size) {
        let new = index < inode.bytes.count ? inode.bytes[index] : 0
        let old = index < inode.durable.count ? inode.durable[index] : 0
        result[index] = useNew ? new : old
      }
    }
    return result
  }

  // MARK: looking and damaging, for tests

  func bytes(_ path: String) -> [UInt8]? {
    lock.withLock { _ in
      guard case .file(let inode)? = find(path) else { return nil }
      return inode.bytes
    }
  }

  func names(_ path: String) -> [String] {
    lock.withLock { _ in
      guard case .directory(let directory)? = find(path) else { return [] }
      return directory.names.keys.sorted()
    }
  }

  /// Replaces a file's bytes behind everyone's back, durably.
  func set(_ path: String, _ bytes: [UInt8]) {
    lock.withLock { _ in
      let inode = Inode()
      inode.bytes = bytes
      inode.durable = bytes
      let (parent, name) = existingPlace(path)
      parent.names[name] = .file(inode)
      parent.durable[name] = .file(inode)
    }
  }

  func delete(_ path: String) {
    lock.withLock { _ in
      let (parent, name) = existingPlace(path)
      precondition(parent.names[name] != nil, "no such file: \(path)")
      parent.names[name] = nil
      parent.durable[name] = nil
    }
  }

  func makeForeignDirectory(_ path: String) {
    lock.withLock { _ in
      let (parent, name) = existingPlace(path)
      parent.names[name] = .directory(Directory())
    }
  }

  /// A test that changes what is not there would test nothing.
  private func existingPlace(_ path: String) -> (Directory, String) {
    do throws(Errno) { return try place(path) } catch { preconditionFailure("no such directory: \(path)") }
  }

  // MARK: the file system

  private func find(_ path: String) -> Node? {
    var current = Node.directory(root)
    for part in path.split(separator: "/") {
      guard case .directory(let directory) = current, let next = directory.names[String(part)] else { return nil }
      current = next
    }
    return current
  }

  private func node(_ path: String) throws(Errno) -> Node {
    guard let found = find(path) else { throw .notFound }
    return found
  }

  private func place(_ path: String) throws(Errno) -> (Directory, String) {
    let slash = path.lastIndex(of: "/")!
    guard case .directory(let parent) = try node(String(path[..<slash])) else { throw .notFound }
    return (parent, String(path[path.index(after: slash)...]))
  }

  /// Counts the operation, cuts the power when it is time and applies faults. `tear` runs when the power goes in it.
  private func enter(_ operation: Operation, _ path: String, tear: () -> Void = {}) throws(Errno) {
    if isOff { throw .inputOutput }
    if operation != .read {
      defer { operationCount += 1 }
      if operationCount == cutAt {
        tear()
        isOff = true
        throw .inputOutput
      }
    }
    for index in faults.indices where faults[index].operation == operation && path.contains(faults[index].path) {
      if faults[index].skip > 0 {
        faults[index].skip -= 1
      } else if faults[index].count > 0 {
        faults[index].count -= 1
        throw faults[index].errno
      }
    }
  }

  private func locking<R>(_ body: () throws(Errno) -> R) throws(Errno) -> R {
    let result = lock.withLock { _ -> Result<R, Errno> in
      do throws(Errno) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  func open(_ path: String, _ mode: OpenMode) throws(Errno) -> Int32 {
    try locking { () throws(Errno) in
      let (parent, name) = try place(path)
      let inode: Inode
      switch (parent.names[name], mode) {
      case (.file(let found)?, .replacing):
        try enter(.truncate, path)
        found.bytes = []
        inode = found
      case (.file(let found)?, _):
        if isOff { throw .inputOutput }
        inode = found
      case (nil, .existing): throw .notFound
      case (nil, _):
        try enter(.open, path)
        inode = Inode()
        parent.change([(name, .file(inode))])
      case (.directory?, _): throw Errno(EISDIR)
      }
      nextDescriptor += 1
      descriptors[nextDescriptor] = (inode, path)
      return nextDescriptor
    }
  }

  func close(_ descriptor: Int32) {
    lock.withLock { _ in
      locked = locked.filter { $0.value != descriptor }
      precondition(descriptors.removeValue(forKey: descriptor) != nil, "closed twice")
    }
  }

  private func opened(_ descriptor: Int32) -> (inode: Inode, path: String) {
    guard let found = descriptors[descriptor] else { preconditionFailure("descriptor \(descriptor) is not open") }
    return found
  }

  func read(
    _ descriptor: Int32, at position: Int64, into target: UnsafeMutableRawBufferPointer, cachedOnly: Bool
  ) throws(Errno) -> Int {
    beforeCall?(.read, lock.withLock { _ in opened(descriptor).path })
    return try locking { () throws(Errno) in
      let (inode, path) = opened(descriptor)
      try enter(.read, path)
      if cachedOnly, isCold { throw .wouldBlock }
      let start = min(Int(position), inode.bytes.count)
      let count = min(target.count, inode.bytes.count - start)
      target.copyBytes(from: inode.bytes[start..<(start + count)])
      return count
    }
  }

  func write(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>, at position: Int64) throws(Errno) -> Int {
    try locking { () throws(Errno) in
      let (inode, path) = opened(descriptor)
      var data: [UInt8] = []
      for vector in vectors {
        data.append(contentsOf: UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len))
      }
      try enter(.write, path, tear: { put(Array(data.prefix(data.count / 2)), inode, Int(position)) })
      if let writeByteCountMax { data = Array(data.prefix(writeByteCountMax)) }
      if let capacity {
        let grown = max(0, Int(position) + data.count - inode.bytes.count)
        let room = max(0, capacity - usedByteCount(root))
        if grown > room {
          let fitting = data.count - (grown - room)
          if fitting <= 0 { throw .noSpace }
          data = Array(data.prefix(fitting))
        }
      }
      put(data, inode, Int(position))
      return data.count
    }
  }

  private func put(_ data: [UInt8], _ inode: Inode, _ position: Int) {
    let end = position + data.count
    if inode.bytes.count < end { inode.bytes.append(contentsOf: repeatElement(0, count: end - inode.bytes.count)) }
    inode.bytes.replaceSubrange(position..<end, with: data)
  }

  private func usedByteCount(_ directory: Directory) -> Int {
    directory.names.values.reduce(0) { sum, node in
      switch node {
      case .file(let inode): sum + inode.bytes.count
      case .directory(let child): sum + usedByteCount(child)
      }
    }
  }

  func isCached(_ descriptor: Int32, at position: Int64, byteCount: Int) -> Bool { !isCold }
  func readAhead(_ descriptor: Int32, at position: Int64, byteCount: Int) {}
  func startWriteback(_ descriptor: Int32, at position: Int64, byteCount: Int) {}

  func byteCount(_ descriptor: Int32) throws(Errno) -> Int64 {
    try locking { () throws(Errno) in Int64(opened(descriptor).inode.bytes.count) }
  }

  func byteCount(path: String) throws(Errno) -> Int64 {
    try locking { () throws(Errno) in
      guard case .file(let inode) = try node(path) else { throw Errno(EISDIR) }
      return Int64(inode.bytes.count)
    }
  }

  func truncate(_ descriptor: Int32, to byteCount: Int64) throws(Errno) {
    try locking { () throws(Errno) in
      let (inode, path) = opened(descriptor)
      try enter(.truncate, path)
      let count = Int(byteCount)
      if inode.bytes.count > count {
        inode.bytes.removeLast(inode.bytes.count - count)
      } else {
        inode.bytes.append(contentsOf: repeatElement(0, count: count - inode.bytes.count))
      }
    }
  }

  func allocate(_ descriptor: Int32, at position: Int64, byteCount: Int64) throws(Errno) {
    try locking { () throws(Errno) in try enter(.allocate, opened(descriptor).path) }
  }

  func syncData(_ descriptor: Int32) throws(Errno) {
    try locking { () throws(Errno) in
      let (inode, path) = opened(descriptor)
      try enter(.syncData, path)
      inode.durable = inode.bytes
      synced.append(path)
    }
    afterSync?()
  }

  func syncDirectory(_ path: String) throws(Errno) {
    beforeCall?(.syncDirectory, path)
    try locking { () throws(Errno) in
      try enter(.syncDirectory, path)
      guard case .directory(let directory) = try node(path) else { throw .notFound }
      directory.durable = directory.names
      directory.pending = []
    }
  }

  func rename(_ path: String, to newPath: String) throws(Errno) {
    beforeCall?(.rename, newPath)
    try locking { () throws(Errno) in
      try enter(.rename, path)
      let (parent, name) = try place(path)
      let (newParent, newName) = try place(newPath)
      guard let node = parent.names[name] else { throw .notFound }
      precondition(parent === newParent, "renames stay in their directory")
      parent.change([(name, nil), (newName, node)])
    }
  }

  func remove(_ path: String) throws(Errno) {
    try locking { () throws(Errno) in
      try enter(.remove, path)
      let (parent, name) = try place(path)
      guard case .file? = parent.names[name] else { throw .notFound }
      parent.change([(name, nil)])
    }
  }

  func makeDirectory(_ path: String) throws(Errno) {
    try locking { () throws(Errno) in
      try enter(.makeDirectory, path)
      let (parent, name) = try place(path)
      if parent.names[name] != nil { throw .exists }
      parent.change([(name, .directory(Directory()))])
    }
  }

  func removeDirectory(_ path: String) throws(Errno) {
    try locking { () throws(Errno) in
      try enter(.removeDirectory, path)
      let (parent, name) = try place(path)
      guard case .directory(let directory)? = parent.names[name] else { throw .notFound }
      if !directory.names.isEmpty { throw .notEmpty }
      parent.change([(name, nil)])
    }
  }

  func list(_ path: String) throws(Errno) -> [DirectoryEntry] {
    try locking { () throws(Errno) in
      if isOff { throw .inputOutput }
      guard case .directory(let directory) = try node(path) else { throw .notFound }
      return directory.names.map { name, node in
        if case .directory = node { DirectoryEntry(name: name, isDirectory: true) } else {
          DirectoryEntry(name: name, isDirectory: false)
        }
      }
    }
  }

  func lock(_ descriptor: Int32) throws(Errno) {
    try locking { () throws(Errno) in
      let key = ObjectIdentifier(opened(descriptor).inode)
      if locked[key] != nil { throw .wouldBlock }
      locked[key] = descriptor
    }
  }

  func freeByteCount(_ path: String) -> Int64? {
    lock.withLock { _ in capacity.map { Int64($0 - usedByteCount(root)) } }
  }
}
