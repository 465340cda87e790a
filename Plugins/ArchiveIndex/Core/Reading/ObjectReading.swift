import ArchiveFormat
import TierKit

/// How reading from one object ended.
enum ObjectReadEnd {
  /// The answer is complete.
  case full
  /// The object has nothing more; the answer goes on behind it.
  case exhausted
  /// Something has to be waited for.
  case wouldBlock
}

extension ArchiveEnvironment {
  /// Adds batches of an object to an answer: from the frame that has the cursor's offset to the end of the object. With
  /// `call` nil only what is in memory.
  ///
  /// With a footer at hand all that is missing comes in one round of reads, two without. Throws what the store throws,
  /// or `corrupt`.
  func read(
    _ object: IndexedObject, _ cursor: inout ReadCursor, into answer: borrowing ReadAnswer, _ call: StoreCall?
  ) throws(TierError) -> ObjectReadEnd {
    guard let footer = try footer(of: object, call)?.footer else { return .wouldBlock }
    let reader = reader(object, footer, call)
    var index = reader.frame(containing: cursor.offset)
    while index < footer.frames.count {
      let end = Self.framesWanted(footer, from: index, cursor)
      // Once there is an answer it is not worth another round.
      for frame in try load(reader, index..<end, cursor.isEmpty ? call : nil) {
        guard let frame else { return cursor.isEmpty ? .wouldBlock : .full }
        guard cursor.add(frame, to: answer) else { return .full }
      }
      index = end
    }
    cursor.skip(to: object.name.lastOffset + 1, answer)
    return cursor.isAtEnd ? .full : .exhausted
  }

  /// Behind the last frame that a read probably needs, beginning with frame `index`: of that one the part behind the
  /// offset counts, as if all its offsets took the same room.
  private static func framesWanted(_ footer: Footer, from index: Int, _ cursor: ReadCursor) -> Int {
    let frame = footer.frames[index]
    var end = index + 1
    let next = end < footer.frames.count ? footer.frames[end].firstOffset : footer.range.nextOffset
    let part = Double(max(0, next - max(cursor.offset, frame.firstOffset))) / Double(max(1, next - frame.firstOffset))
    var rest = cursor.room - Int(part * Double(frame.rawByteCount))
    while end < footer.frames.count, rest > 0 {
      rest -= footer.frames[end].rawByteCount
      end += 1
    }
    return end
  }

  /// A checked frame; nil when `call` is nil and it would have to be waited for.
  func frame(
    _ object: IndexedObject, _ footer: Footer, _ index: Int, _ call: StoreCall?
  ) throws(TierError) -> DecodedFrame? {
    try load(reader(object, footer, call), index..<index + 1, call)[0]
  }

  private func reader(_ object: IndexedObject, _ footer: Footer, _ call: StoreCall?) -> ArchiveReader<ObjectSource> {
    ArchiveReader(source: ObjectSource(object: object, chunks: chunks, call: call ?? StoreCall()), footer: footer)
  }

  func footer(of object: IndexedObject, _ call: StoreCall?) throws(TierError) -> LoadedFooter? {
    if let loaded = footers.ifLoaded(object.name) { return loaded }
    guard let call else { return nil }
    return try footers.load(object, call)
  }

  /// Decompressed frames, from memory or, with `call`, from the store; nil for those that would have to be waited for.
  private func load(
    _ reader: ArchiveReader<ObjectSource>, _ range: Range<Int>, _ call: StoreCall?
  ) throws(TierError) -> [DecodedFrame?] {
    let object = reader.source.object
    var result = range.map { frames.frame(object.name, $0) }
    guard call != nil else { return result }
    let missing = range.filter { result[$0 - range.lowerBound] == nil }
    if missing.isEmpty { return result }
    let bytes = try fetch(reader, missing)
    for (index, bytes) in zip(missing, bytes) {
      result[index - range.lowerBound] = try decode(reader, index, bytes)
    }
    return result
  }

  /// The compressed bytes of frames, in one round of reads.
  private func fetch(_ reader: ArchiveReader<ObjectSource>, _ indices: [Int]) throws(TierError) -> [[UInt8]] {
    try reading(reader.source.object.key) { try reader.source.read(indices.map { reader.bytes(ofFrame: $0) }) }
  }

  /// Decompresses and checks a frame. Damage sends it to the store once more: it may have happened on the way or on the
  /// local disk.
  private func decode(
    _ reader: ArchiveReader<ObjectSource>, _ index: Int, _ bytes: [UInt8]
  ) throws(TierError) -> DecodedFrame {
    let name = reader.source.object.name
    var bytes = bytes
    for attempt in 0..<2 {
      do throws(ArchiveError) {
        let frame = try bytes.withRawBytes { (raw) throws(ArchiveError) in try DecodedFrame(reader, index, raw) }
        frames.insert(frame, name, index)
        return frame
      } catch {
        chunks.drop(name, reader.bytes(ofFrame: index))
        host.addToCounter("damaged_frames", 1)
        if attempt == 1 {
          footers.drop(name)
          throw TierError(.corrupt, "\(reader.source.object.key): \(error)")
        }
        bytes = try fetch(reader, [index])[0]
      }
    }
    preconditionFailure("two attempts end in an answer or an error")
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` that keeps the type of what `body` throws.
  func withRawBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    let result: Result<R, E> = withUnsafeBytes { raw in
      do throws(E) { return .success(try body(raw)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
