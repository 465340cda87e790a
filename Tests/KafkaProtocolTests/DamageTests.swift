import Foundation
import KafkaProtocol
import Testing

/// Bytes that are not a message end in a `WireError`, whatever they are.
@Suite(.enabled(if: Schema.folder != nil, Comment(rawValue: Schema.skipReason)))
struct DamageTests {
  @Test("a message cut short anywhere is an error", arguments: catalogue)
  func truncation(_ entry: CatalogueEntry) throws {
    for version in entry.versions {
      let bytes = try encoded(entry, version, .distinct(seed: 1)).bytes
      for count in bytes.indices {
        #expect(throws: WireError.self, "v\(version), \(count) of \(bytes.count) bytes") {
          try decode(entry.type, Array(bytes.prefix(count)), version: version)
        }
      }
      #expect(throws: WireError.self) { try decode(entry.type, bytes + [0], version: version) }
    }
  }

  @Test("a length or count far too large or below null is an error", arguments: catalogue)
  func lengths(_ entry: CatalogueEntry) throws {
    for version in entry.versions {
      let encoder = try encoded(entry, version, .distinct(seed: 1))
      for mark in encoder.marks {
        let replacements: [[UInt8]] =
          switch mark.kind {
          case .classic16: [[0x7F, 0xFF], [0xFF, 0xFE]]
          case .classic32: [[0x7F, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFE]]
          case .varint:
            [
              SchemaEncoder.varint(0x7FFF_FFFF), SchemaEncoder.varint(0xFFFF_FFFF),
              SchemaEncoder.varint(0x1_0000_0000), [UInt8](repeating: 0xFF, count: 10),
            ]
          }
        for replacement in replacements {
          var bytes = encoder.bytes
          bytes.replaceSubrange(mark.range, with: replacement)
          #expect(throws: WireError.self, "v\(version), length at \(mark.range)") {
            try decode(entry.type, bytes, version: version)
          }
        }
      }
    }
  }

  @Test("null where the version has no null is an error of its own", arguments: catalogue)
  func nulls(_ entry: CatalogueEntry) throws {
    for version in entry.versions {
      let encoder = try encoded(entry, version, .distinct(seed: 1))
      for mark in encoder.marks {
        guard let isNullable = mark.isNullable else { continue }
        let null: [UInt8] =
          switch mark.kind {
          case .classic16: [0xFF, 0xFF]
          case .classic32: [0xFF, 0xFF, 0xFF, 0xFF]
          // As wide as what it replaces, so that the sizes of enclosing tagged fields still hold.
          case .varint: [UInt8](repeating: 0x80, count: mark.range.count - 1) + [0]
          }
        var bytes = encoder.bytes
        bytes.replaceSubrange(mark.range, with: null)
        // What follows makes no sense any more, so either way there may be errors further on.
        var refusal: Int?
        do throws(WireError) {
          _ = try decode(entry.type, bytes, version: version)
        } catch  where error.problem == .nullNotAllowed {
          refusal = error.position
        } catch {}
        #expect((refusal == mark.range.lowerBound) == !isNullable, "v\(version), null at \(mark.range)")
      }
    }
  }

  @Test("versions outside the range are refused in both directions", arguments: catalogue)
  func unsupportedVersions(_ entry: CatalogueEntry) throws {
    for version in [entry.versions.lowerBound - 1, entry.versions.upperBound + 1, .min, .max] {
      let error = #expect(throws: WireError.self) { try decode(entry.type, [], version: version) }
      #expect(error?.problem == .unsupportedVersion)
      #expect(throws: WireError.self) { try entry.type.init().encodedBody(version: version) }
    }
  }

  /// FUZZ_SEED replays a run, FUZZ_ROUNDS makes it longer.
  @Test("random damage is an error or another message, never a crash")
  func fuzz() throws {
    let environment = ProcessInfo.processInfo.environment
    let seed = environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max)
    let rounds = environment["FUZZ_ROUNDS"].flatMap { Int($0) } ?? 40
    print("FUZZ_SEED=\(seed)")
    var random = SplitMix64(state: seed)
    for entry in catalogue {
      for version in entry.versions {
        let filling = Filling.all.randomElement(using: &random)!
        let sound = try encoded(entry, version, filling).bytes
        for _ in 0..<rounds {
          let damaged = damage(sound, &random)
          guard let message = try? decode(entry.type, damaged, version: version) else { continue }
          try checkStable(message, version)
        }
      }
    }
  }

  /// What was read, from whatever bytes, can be written, and what was written reads as the same.
  private func checkStable<Message: KafkaMessage>(_ message: Message, _ version: Int16) throws {
    let first = try message.encodedBody(version: version)
    let pieces = first.splices.map { [UInt8](repeating: 0, count: $0.byteCount) }
    let bytes = first.assembled(external: pieces)
    let second = try decode(Message.self, bytes, version: version).encodedBody(version: version)
    #expect(first == second, "\(Message.self) v\(version)")
  }

  private func damage(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
      case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes[index] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random)!
      case 3: bytes.remove(at: index)
      default: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: index)
      }
    }
    return bytes
  }

  private func encoded(
    _ entry: CatalogueEntry, _ version: Int16, _ filling: Filling
  ) throws -> SchemaEncoder {
    let schema = try Schema.message(entry.name)
    var filler = SchemaFiller(version: Int(version), filling: filling)
    let supported = Int(entry.versions.lowerBound)...Int(entry.versions.upperBound)
    let value = filler.structure(schema.fields, versions: supported)
    var encoder = SchemaEncoder(
      version: Int(version), isFlexible: schema.isFlexible(Int(version)))
    encoder.encode(value, schema.fields)
    return encoder
  }
}

/// A generator whose whole state is its seed.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
