import Glibc

@testable import ArchiveIndexCore

/// A disk in memory that remembers what a sync has made durable, so that a test can cut the power and look at what is
/// left. Worse than real ones: unsynced bytes survive sector by sector, at random, and names become durable in any
/// prefix of their order.
final class SimulatedDisk: IndexDisk, @unchecked Sendable {
  final class Inode {
    var bytes: [UInt8] = []
    var durable: [UInt8] = []
  }

  private struct State {
    var names: [String: Inode] = [:]
    var durableNames: [String: Inode] = [:]
    var pending: [[(String, Inode?)]] = []
    var descriptors: [Int32: (inode: Inode, path: String)] = [:]
    var nextDescriptor: Int32 = 100
    var locked: [ObjectIdentifier: Int32] = [:]
    var operationCount = 0
    var isOff = false
    var failing: Int?
  }

  private let state = Guarded(State())
  /// The number of the changing operation at which the power goes.
  var cutAt: Int?

  var changeCount: Int { state.withLock { $0.operationCount } }
  var openCount: Int { state.withLock { $0.descriptors.count } }
  subscript(path: String) -> [UInt8]? {
    get { state.withLock { $0.names[path]?.bytes } }
    set {
      state.withLock { state in
        let inode = newValue.map { bytes in
          let inode = Inode()
          inode.bytes = bytes
          inode.durable = bytes
          return inode
        }
        state.names[path] = inode
        state.durableNames[path] = inode
      }
    }
  }

  /// Makes the changing operation of this number fail, and only that.
  func fail(at number: Int) { state.withLock { $0.failing = number } }

  /// The disk as it is found after the power came back.
  func afterPowerCut(seed: UInt64) -> SimulatedDisk {
    var random = SeededGenerator(seed)
    return state.withLock { state in
      let disk = SimulatedDisk()
      var names = state.durableNames
      let kept = Int.random(in: 0...state.pending.count, using: &random)
      for changes in state.pending.prefix(kept) { for (name, inode) in changes { names[name] = inode } }
      for (name, inode) in names.sorted(by: { $0.key < $1.key }) { disk[name] = Self.survivor(inode, &random) }
      return disk
    }
  }

  private static func survivor(_ inode: Inode, _ random: inout SeededGenerator) -> [UInt8] {
    let mode = Int.random(in: 0..<4, using: &random)
    if inode.bytes == inode.durable || mode == 0 { return inode.durable }
    if mode == 1 { return inode.bytes }
    let range = min(inode.durable.count, inode.bytes.count)...max(inode.durable.count, inode.bytes.count)
    let size = Int.random(in: range, using: &random)
    var result = [UInt8](repeating: 0, count: size)
    for start in stride(from: 0, to: size, by: 512) {
      let source = Bool.random(using: &random) ? inode.bytes : inode.durable
      for index in start..<min(start + 512, size) { result[index] = index < source.count ? source[index] : 0 }
    }
    return result
  }

  private func changing<R>(
    _ body: (inout State) throws(DiskError) -> R, tear: (inout State) -> Void = { _ in }
  ) throws(DiskError) -> R {
    try state.withLock { (state) throws(DiskError) in
      if state.isOff { throw .inputOutput }
      defer { state.operationCount += 1 }
      if state.operationCount == cutAt {
        tear(&state)
        state.isOff = true
        throw .inputOutput
      }
      if state.operationCount == state.failing { throw DiskError(ENOSPC) }
      return try body(&state)
    }
  }

  func open(_ path: String, _ mode: DiskMode) throws(DiskError) -> Int32? {
    let known = state.withLock { $0.names[path] }
    if known == nil, mode == .existing { return nil }
    func descriptor(_ inode: Inode, _ state: inout State) -> Int32 {
      state.nextDescriptor += 1
      state.descriptors[state.nextDescriptor] = (inode, path)
      return state.nextDescriptor
    }
    if let known, mode != .replacing { return state.withLock { descriptor(known, &$0) } }
    return try changing { state in
      let inode = known ?? Inode()
      if known == nil {
        state.names[path] = inode
        state.pending.append([(path, inode)])
      }
      inode.bytes = []
      return descriptor(inode, &state)
    }
  }

  func close(_ descriptor: Int32) {
    state.withLock { state in
      state.locked = state.locked.filter { $0.value != descriptor }
      precondition(state.descriptors.removeValue(forKey: descriptor) != nil, "closed twice")
    }
  }

  private func inode(_ descriptor: Int32) -> Inode { state.withLock { $0.descriptors[descriptor]!.inode } }

  func byteCount(_ descriptor: Int32) throws(DiskError) -> Int { inode(descriptor).bytes.count }

  func read(
    _ descriptor: Int32, at position: Int, into target: UnsafeMutableRawBufferPointer
  ) throws(DiskError) -> Int {
    let bytes = inode(descriptor).bytes
    let count = min(target.count, max(0, bytes.count - position))
    target.copyBytes(from: bytes[position..<position + count])
    return count
  }

  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int) throws(DiskError) -> Int {
    let inode = inode(descriptor)
    func put(_ data: ArraySlice<UInt8>) {
      if inode.bytes.count < position + data.count {
        inode.bytes += [UInt8](repeating: 0, count: position + data.count - inode.bytes.count)
      }
      inode.bytes.replaceSubrange(position..<position + data.count, with: data)
    }
    let data = Array(bytes)
    return try changing({ _ in
      put(data[...])
      return data.count
    }, tear: { _ in put(data.prefix(data.count / 2)) })
  }

  func sync(_ descriptor: Int32) throws(DiskError) {
    let inode = inode(descriptor)
    try changing { _ in inode.durable = inode.bytes }
  }

  func rename(_ path: String, to newPath: String) throws(DiskError) {
    try changing { (state) throws(DiskError) in
      guard let inode = state.names.removeValue(forKey: path) else { throw DiskError(ENOENT) }
      state.names[newPath] = inode
      state.pending.append([(path, nil), (newPath, inode)])
    }
  }

  func syncDirectory(_ path: String) throws(DiskError) {
    try changing { state in
      state.durableNames = state.names
      state.pending = []
    }
  }

  func lock(_ descriptor: Int32) throws(DiskError) -> Bool {
    let key = ObjectIdentifier(inode(descriptor))
    return state.withLock { state in
      if state.locked[key] != nil { return false }
      state.locked[key] = descriptor
      return true
    }
  }
}
