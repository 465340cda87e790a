// What a power cut leaves of an append: the file has grown by a part of the record, and of that part some sectors may
// never have been written and read as zeros. The commit had not returned, so nobody has seen what is missing.
//
// A record that rotted looks different: it is there in full length and no part of it is empty. Only a rotten length, or
// a sector that went blank, can pass for a torn record, and only in the very last one.

extension IndexFile {
  /// The smallest piece that disks write as a whole, in bytes.
  private static let sectorByteCount = 512

  /// True when the bytes, from a bad record with this number to the end of the file, are one append that was cut off.
  static func isTorn(_ rest: ArraySlice<UInt8>, number: Int) -> Bool {
    guard rest.count <= Limits.tornByteCountMax else { return false }
    var input = IndexInput(rest)
    guard rest.count >= recordHeadByteCount, let length = length(&input) else { return true }
    // What was appended behind a record was appended after it had been confirmed.
    if hasRecord(in: rest, number: number + 1) { return false }
    return length > rest.count - recordHeadByteCount || hasEmptySector(rest)
  }

  private static let recordHeadByteCount = 8

  /// Of the changes, as the record's head has it.
  private static func length(_ input: inout IndexInput) -> Int? {
    do throws(IndexDefect) { return Int(try input.fixed(UInt32.self)) } catch { return nil }
  }

  /// The parts of the bytes that lie in one sector of the file each.
  private static func sectors(_ bytes: ArraySlice<UInt8>) -> some Sequence<ArraySlice<UInt8>> {
    let first = bytes.startIndex / sectorByteCount * sectorByteCount
    return stride(from: first, to: bytes.endIndex, by: sectorByteCount).lazy.map { start in
      bytes[max(start, bytes.startIndex)..<min(start + sectorByteCount, bytes.endIndex)]
    }
  }

  private static func hasEmptySector(_ bytes: ArraySlice<UInt8>) -> Bool {
    sectors(bytes).contains { $0.allSatisfy { $0 == 0 } }
  }

  /// A good record with this number behind the first byte: then the bad one before it was confirmed.
  private static func hasRecord(in bytes: ArraySlice<UInt8>, number: Int) -> Bool {
    guard bytes.count > recordHeadByteCount else { return false }
    for start in bytes.startIndex + 1..<bytes.endIndex - recordHeadByteCount {
      var input = IndexInput(bytes[start...])
      let room = bytes.endIndex - start - recordHeadByteCount
      guard let length = length(&input), length > 0, length <= room else { continue }
      input = IndexInput(bytes[start...])
      do throws(IndexDefect) {
        _ = try record(&input, number: number)
        return true
      } catch {}
    }
    return false
  }
}
