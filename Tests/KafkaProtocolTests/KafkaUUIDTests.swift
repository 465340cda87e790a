import Foundation
import KafkaProtocol
import Testing

struct KafkaUUIDTests {
  @Test("the text form is base64url of the sixteen bytes, without padding")
  func text() {
    var random = SplitMix64(state: 7)
    for _ in 0..<200 {
      let uuid = KafkaUUID(high: random.next(), low: random.next())
      let bytes = [uuid.high, uuid.low].flatMap { word in
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
      }
      let base64 = Data(bytes).base64EncodedString().replacing("+", with: "-")
        .replacing("/", with: "_").replacing("=", with: "")
      #expect(uuid.description == base64)
      #expect(KafkaUUID(base64) == uuid)
    }
  }

  @Test("zero is 22 times A")
  func zero() {
    #expect(KafkaUUID.zero.description == String(repeating: "A", count: 22))
    #expect(KafkaUUID(String(repeating: "A", count: 22)) == .zero)
  }

  @Test("other texts are refused")
  func malformed() {
    for text in [
      "", "A", String(repeating: "A", count: 21), String(repeating: "A", count: 23),
      String(repeating: "A", count: 22).replacing("A", with: "+"),
      String(repeating: "A", count: 21) + "B", String(repeating: "A", count: 21) + "=",
      String(repeating: "ä", count: 11),
    ] {
      #expect(KafkaUUID(text) == nil, "\(text)")
    }
  }
}
