import Testing

@testable import CompactionCore

@Suite struct KeyHashTests {
  /// The first of the published vectors of SipHash-2-4-128: key 00…0f, input the first n bytes of 00 01 02 ….
  @Test(arguments: [
    (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
    (2, "8177228da4a45dc7fca38bdef60affe4"), (3, "9c70b60c5267a94e5f33b6b02985ed51"),
  ])
  func theHashIsSipHashWithTheReferenceVectors(count: Int, expected: String) {
    let hash = KeyHash(k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)
    let value = (0..<count).map { UInt8($0) }.withUnsafeBytes { hash.hash($0) }
    let bytes = [value.low, value.high].flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    let text = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(text == expected)
  }

  @Test func everyLengthAndEveryByteCounts() {
    let hash = KeyHash(k0: 1, k1: 2)
    var seen: Set<KeyHash.Value> = []
    for count in 0..<40 {
      for changed in -1..<count {
        var bytes = [UInt8](repeating: 7, count: count)
        if changed >= 0 { bytes[changed] = 8 }
        #expect(
          seen.insert(bytes.withUnsafeBytes { hash.hash($0) }).inserted, "\(count) bytes, byte \(changed) changed")
      }
    }
  }
}

@Suite struct KeyMapTests {
  private func value(_ number: Int) -> KeyHash.Value {
    KeyHash.Value(high: UInt64(number), low: UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
  }

  @Test func theNewestOffsetOfEachKeyIsKept() {
    var map = KeyMap(byteCountMax: 1 << 20)
    for offset in 0..<10_000 {
      let isIn = map.put(value(offset % 1_000), Int64(offset))
      #expect(isIn)
    }
    #expect(map.count == 1_000)
    for key in 0..<1_000 {
      let offset = map.offset(value(key))
      #expect(offset == Int64(9_000 + key))
    }
    let absent = map.offset(value(1_000))
    #expect(absent == -1)
  }

  @Test func aFullMapRefusesNewKeysAndGoesOnWithKnownOnes() {
    let bound = 64 << 10
    var map = KeyMap(byteCountMax: bound)
    var held = 0
    while map.put(value(held), Int64(held)) { held += 1 }
    // 24 bytes a slot, three fifths of the bound, three quarters full.
    #expect(held > bound / 24 * 3 / 5 * 3 / 4 - 8)
    #expect(map.byteCount <= bound * 3 / 5)
    let isKnownTaken = map.put(value(3), 1 << 40)
    #expect(isKnownTaken)
    let offset = map.offset(value(3))
    #expect(offset == 1 << 40)
    let isNewTaken = map.put(value(held + 1), 1)
    #expect(!isNewTaken)
  }

  @Test func keysWithTheSamePlaceAreToldApart() {
    var map = KeyMap(byteCountMax: 1 << 16)
    for number in 0..<90 {
      let isIn = map.put(KeyHash.Value(high: UInt64(number), low: .max), Int64(number))
      #expect(isIn)
    }
    for number in 0..<90 {
      let offset = map.offset(KeyHash.Value(high: UInt64(number), low: .max))
      #expect(offset == Int64(number))
    }
  }
}
