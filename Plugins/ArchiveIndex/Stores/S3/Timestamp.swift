import CCurl
import Glibc

/// Times in the texts that services send.
enum Timestamp {
  /// "2013-05-24T00:00:00.000Z" in milliseconds since 1970.
  static func iso8601(_ text: String) -> Int64? {
    let utf8 = Array(text.utf8)
    guard utf8.count >= 20, utf8.count <= 40, utf8.last == UInt8(ascii: "Z"), utf8[10] == UInt8(ascii: "T") else {
      return nil
    }
    func number(_ range: Range<Int>) -> Int32? { Int32(String(decoding: utf8[range], as: UTF8.self)) }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), (1970...9999).contains(year), (1...12).contains(month)
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
    let milliseconds = utf8[19] == UInt8(ascii: ".") && utf8.count >= 24 ? Int64(number(20..<23) ?? 0) : 0
    return Int64(timegm(&parts)) * 1000 + milliseconds
  }

  /// The Date header of an answer, in milliseconds since 1970.
  static func http(_ text: String) -> Int64? {
    let seconds = curl_getdate(text, nil)
    return seconds < 0 ? nil : Int64(seconds) * 1000
  }
}
