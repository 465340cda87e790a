import KafkaProtocol
import Testing

struct FieldCoderTests {
  /// A struct whose tagged fields are longer than any real one.
  private struct Tagged: WireStruct {
    var text = ""
    var number: Int32 = 0

    mutating func transcode(_ field: inout FieldCoder) throws(WireError) {
      var present: TagSet = []
      present.insert(3, if: !text.isEmpty)
      present.insert(40, if: number != 0)
      try field.taggedFields(present) { (tag, field) throws(WireError) in
        switch tag {
        case 3: try field.string(&text)
        case 40: try field.int32(&number)
        default: return false
        }
        return true
      }
    }
  }

  private func write(
    flexible: Bool = true, _ body: (inout FieldCoder) throws(WireError) -> Void
  ) throws(WireError) -> [UInt8] {
    var field = FieldCoder(writing: 0, isFlexible: flexible)
    try body(&field)
    return field.withWrittenBytes { Array($0) }
  }

  private func read<Value>(
    _ bytes: [UInt8], flexible: Bool = true, into value: Value,
    _ body: (inout FieldCoder, inout Value) throws(WireError) -> Void
  ) throws(WireError) -> Value {
    try bytes.withUnsafeBufferPointer { (bytes) throws(WireError) in
      var field = FieldCoder(
        reading: UnsafeRawBufferPointer(bytes), version: 0, isFlexible: flexible)
      var value = value
      try body(&field, &value)
      return value
    }
  }

  private func problem(
    _ bytes: [UInt8], flexible: Bool = true,
    _ body: (inout FieldCoder) throws(WireError) -> Void
  ) -> WireError.Problem? {
    error(bytes, flexible: flexible, body)?.problem
  }

  private func error(
    _ bytes: [UInt8], flexible: Bool = true,
    _ body: (inout FieldCoder) throws(WireError) -> Void
  ) -> WireError? {
    do throws(WireError) {
      _ = try read(bytes, flexible: flexible, into: ()) { (field, _) throws(WireError) in
        try body(&field)
      }
      return nil
    } catch {
      return error
    }
  }

  @Test("a tagged field of any size has its size in front", arguments: [0, 1, 126, 127, 128, 20_000])
  func taggedSizes(_ count: Int) throws {
    var value = Tagged()
    value.text = String(repeating: "x", count: count)
    value.number = 5
    let bytes = try write { (field) throws(WireError) in try value.transcode(&field) }
    let content = SchemaEncoder.varint(count + 1) + Array(value.text.utf8)
    let text = [3] + SchemaEncoder.varint(content.count) + content
    let expected = (count == 0 ? [1] : [2] + text) + [40, 4, 0, 0, 0, 5]
    #expect(bytes == expected)
    let back = try read(bytes, into: Tagged()) { (field, value) throws(WireError) in
      try value.transcode(&field)
    }
    #expect(back.text == value.text && back.number == 5)
  }

  @Test("a known tag that does not fill its size, or needs more, is an error")
  func taggedSizeMismatch() {
    var value = Tagged()
    for (bytes, expected): ([UInt8], WireError.Problem) in [
      ([1, 40, 5, 0, 0, 0, 5, 0], .taggedFieldSizeMismatch), ([1, 40, 3, 0, 0, 0, 5], .truncated),
      ([1, 40, 9, 0, 0, 0, 5], .truncated), ([2, 40, 4, 0, 0, 0, 5], .truncated),
    ] {
      let found = problem(bytes) { (field) throws(WireError) in try value.transcode(&field) }
      #expect(found == expected, "\(bytes)")
    }
  }

  @Test("tags may come in any order, and again")
  func tagOrder() throws {
    let value = try read(
      [4, 40, 4, 0, 0, 0, 5, 9, 0, 3, 2, 2, 0x61, 40, 4, 0, 0, 0, 6], into: Tagged()
    ) { (field, value) throws(WireError) in try value.transcode(&field) }
    #expect(value.text == "a" && value.number == 6)
  }

  @Test("varints of up to 32 bits, with needless zeros too; more is an error")
  func varints() {
    var text = ""
    func problemOfLength(_ bytes: [UInt8]) -> WireError.Problem? {
      problem(bytes) { (field) throws(WireError) in try field.string(&text) }
    }
    #expect(problemOfLength([0x81, 0x80, 0x80, 0x80, 0x00]) == nil)
    #expect(problemOfLength([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]) == .truncated)
    #expect(problemOfLength([0xFF, 0xFF, 0xFF, 0xFF, 0x1F]) == .varintTooLong)
    #expect(problemOfLength([0x80, 0x80, 0x80, 0x80, 0x80, 0x01]) == .varintTooLong)
    #expect(problemOfLength([0x80, 0x80]) == .truncated)
  }

  @Test("strings must be UTF-8 and must not be null where there is no null")
  func strings() throws {
    var text = ""
    var optional: String? = ""
    #expect(
      problem([3, 0xC3, 0x28]) { (field) throws(WireError) in try field.string(&text) }
        == .invalidUTF8)
    #expect(
      problem([0]) { (field) throws(WireError) in try field.string(&text) } == .nullNotAllowed)
    for flexible in [true, false] {
      let null: [UInt8] = flexible ? [0] : [0xFF, 0xFF]
      let found = problem(null, flexible: flexible) { (field) throws(WireError) in
        try field.nullableString(&optional, nullable: false)
      }
      #expect(found == .nullNotAllowed)
      optional = nil
      #expect(throws: WireError.self) {
        try write(flexible: flexible) { (field) throws(WireError) in
          try field.nullableString(&optional, nullable: false)
        }
      }
      #expect(
        try write(flexible: flexible) { (field) throws(WireError) in
          try field.nullableString(&optional)
        } == null)
    }
  }

  @Test("a string of 32,767 bytes is the longest with a 16-bit length")
  func longStrings() throws {
    var longest = String(repeating: "x", count: 32_767)
    let bytes = try write(flexible: false) { (field) throws(WireError) in
      try field.string(&longest)
    }
    #expect(bytes.count == 32_769 && bytes.prefix(2) == [0x7F, 0xFF])
    var longer = longest + "x"
    #expect(throws: WireError(.tooLong, position: 0, version: 0)) {
      try write(flexible: false) { (field) throws(WireError) in try field.string(&longer) }
    }
    #expect(
      try write { (field) throws(WireError) in try field.string(&longer) }.count == 32_768 + 3)
  }

  @Test("a count is compared with the bytes left at the size of its elements")
  func counts() {
    var numbers: [Int32] = []
    var large: [Int64] = []
    var texts: [String] = []
    var structs: [Tagged] = []
    var uuids: [KafkaUUID] = []
    let eight: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
    func classic(_ count: UInt8) -> [UInt8] { [0, 0, 0, count] + eight }
    #expect(
      problem(classic(2), flexible: false) { (field) throws(WireError) in
        try field.array(&numbers)
      } == nil)
    #expect(numbers == [0, 0])
    #expect(
      problem(classic(3), flexible: false) { (field) throws(WireError) in
        try field.array(&numbers)
      } == .countExceedsRemaining)
    #expect(
      problem(classic(2), flexible: false) { (field) throws(WireError) in
        try field.array(&large)
      } == .countExceedsRemaining)
    #expect(
      problem(classic(5), flexible: false) { (field) throws(WireError) in
        try field.array(&texts)
      } == .countExceedsRemaining)
    #expect(
      problem([10] + eight) { (field) throws(WireError) in try field.array(&structs) }
        == .countExceedsRemaining)
    #expect(
      problem([2] + eight) { (field) throws(WireError) in try field.array(&uuids) }
        == .countExceedsRemaining)
  }

  @Test("a message has no more elements in all its arrays than the bound, though every byte of the frame could be one")
  func elementBound() {
    var (texts, numbers): ([String], [Int32]) = ([], [])
    let most = FieldCoder.elementCountMax
    func count(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(number).bigEndian) { [UInt8]($0) } }
    let full = count(most) + [UInt8](repeating: 0, count: 2 * most)
    #expect(problem(full, flexible: false) { (field) throws(WireError) in try field.array(&texts) } == nil)
    #expect(texts.count == most)
    let beyond = count(most + 1) + [UInt8](repeating: 0, count: 2 * most + 2)
    #expect(
      problem(beyond, flexible: false) { (field) throws(WireError) in try field.array(&texts) } == .tooManyElements)
    #expect(
      problem(full + count(1) + [0, 0], flexible: false) { (field) throws(WireError) in
        try field.array(&texts)
        try field.array(&texts)
      } == .tooManyElements)
    let integers = count(most + 1) + [UInt8](repeating: 0, count: 4 * (most + 1))
    #expect(problem(integers, flexible: false) { (field) throws(WireError) in try field.array(&numbers) } == nil)
  }

  @Test("an error says where the value at fault starts")
  func positions() {
    var (long, text, numbers): (Int64, String, [Int32]) = (0, "", [])
    var (optionalBytes, tagged): ([UInt8]?, Tagged) = (nil, Tagged())
    func position(
      _ bytes: [UInt8], flexible: Bool = true, _ body: (inout FieldCoder) throws(WireError) -> Void
    ) -> Int? {
      // One byte that is sound in front, so that no position is 0 by accident.
      var flag = false
      return error([1] + bytes, flexible: flexible) { (field) throws(WireError) in
        try field.bool(&flag)
        try body(&field)
      }?.position
    }
    #expect(position([0, 0, 0]) { (field) throws(WireError) in try field.int64(&long) } == 1)
    #expect(position([5, 0x61]) { (field) throws(WireError) in try field.string(&text) } == 2)
    #expect(position([2, 0xFF]) { (field) throws(WireError) in try field.string(&text) } == 2)
    #expect(position([0xFF, 0xFF, 0xFF, 0xFF, 0x7F]) { (field) throws(WireError) in try field.string(&text) } == 1)
    #expect(position([0]) { (field) throws(WireError) in try field.string(&text) } == 1)
    #expect(position([0]) { (field) throws(WireError) in try field.array(&numbers) } == 1)
    #expect(position([9, 0]) { (field) throws(WireError) in try field.array(&numbers) } == 1)
    #expect(
      position([0]) { (field) throws(WireError) in try field.nullableBytes(&optionalBytes, nullable: false) } == 1)
    #expect(
      position([0xFF, 0xFE], flexible: false) { (field) throws(WireError) in try field.string(&text) } == 1)
    #expect(
      position([0xFF, 0xFF, 0xFF, 0xFE], flexible: false) { (field) throws(WireError) in
        try field.array(&numbers)
      } == 1)
    #expect(position([1, 7, 9, 0]) { (field) throws(WireError) in try tagged.transcode(&field) } == 3)
    #expect(position([1, 7, 9, 0]) { (field) throws(WireError) in try field.taggedFields() } == 3)
    #expect(position([1, 40, 5, 0, 0, 0, 0, 0]) { (field) throws(WireError) in try tagged.transcode(&field) } == 8)
  }

  @Test("numbers are big-endian in both directions")
  func numbers() throws {
    var (flag, byte, short, word, long) = (true, Int8(-2), Int16(-3), Int32(-4), Int64(-5))
    var (unsignedShort, unsignedWord) = (UInt16(0xFEDC), UInt32(0xFEDC_BA98))
    var (real, uuid) = (1.5, KafkaUUID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10))
    let bytes = try write { (field) throws(WireError) in
      try field.bool(&flag)
      try field.int8(&byte)
      try field.int16(&short)
      try field.int32(&word)
      try field.int64(&long)
      try field.uint16(&unsignedShort)
      try field.uint32(&unsignedWord)
      try field.float64(&real)
      try field.uuid(&uuid)
    }
    let expected: [UInt8] =
      [1, 0xFE, 0xFF, 0xFD, 0xFF, 0xFF, 0xFF, 0xFC]
      + [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFB] + [0xFE, 0xDC, 0xFE, 0xDC, 0xBA, 0x98]
      + [0x3F, 0xF8, 0, 0, 0, 0, 0, 0] + Array(1...16)
    #expect(bytes == expected)
    _ = try read(bytes, into: ()) { (field, _) throws(WireError) in
      (flag, byte, short, word, long) = (false, 0, 0, 0, 0)
      (unsignedShort, unsignedWord, real, uuid) = (0, 0, 0, .zero)
      try field.bool(&flag)
      try field.int8(&byte)
      try field.int16(&short)
      try field.int32(&word)
      try field.int64(&long)
      try field.uint16(&unsignedShort)
      try field.uint32(&unsignedWord)
      try field.float64(&real)
      try field.uuid(&uuid)
    }
    #expect((flag, byte, short, word, long) == (true, -2, -3, -4, -5))
    #expect((unsignedShort, unsignedWord, real) == (0xFEDC, 0xFEDC_BA98, 1.5))
    #expect(uuid.low == 0x090A_0B0C_0D0E_0F10)
  }
}
