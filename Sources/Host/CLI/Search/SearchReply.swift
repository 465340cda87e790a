import Foundation

/// The JSON of `POST /v1/search/{topic}`, as far as the command line shows it; `SearchJSON` writes it.
struct SearchReply: Decodable {
  struct Record: Decodable {
    struct Header: Decodable {
      var name: Payload
      var value: Payload
    }

    var partition: Int32
    var offset: Int64
    var timestamp: Int64
    var timestamp_type: String
    var key: Payload
    var value: Payload
    var value_bytes: Int?
    var headers: [Header]
    var score: Double?
    var abridged: Bool?
  }

  var topic: String
  var records: [Record]
  var total: UInt64
  var total_exact: Bool
  var partial: Bool
  var reason: String?
  var cursor: String?
  var took_ms: Int64
  var rounds: UInt64
  var bytes_read: UInt64
  var objects_searched: UInt64
  var records_scanned: UInt64
}

/// The JSON of every error.
struct ProblemReply: Decodable {
  struct Problem: Decodable {
    var code: String
    var message: String
  }
  var error: Problem
}

/// Bytes as the answer shows them: a string, {"base64":…}, or null.
enum Payload: Decodable, Equatable {
  case null
  case bytes([UInt8])

  private struct Encoded: Decodable { var base64: String }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
      return
    }
    do {
      self = .bytes(Array(try container.decode(String.self).utf8))
      return
    } catch DecodingError.typeMismatch {}
    let encoded = try container.decode(Encoded.self).base64
    guard let data = Data(base64Encoded: encoded) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not base64")
    }
    self = .bytes(Array(data))
  }

  var bytes: [UInt8]? {
    switch self {
    case .null: nil
    case .bytes(let bytes): bytes
    }
  }
}

extension FoundRecord {
  init(_ record: SearchReply.Record) {
    let value = record.value.bytes
    self.init(
      partition: record.partition, offset: record.offset, timestamp: record.timestamp,
      isAppendTime: record.timestamp_type == "append", key: record.key.bytes, value: value,
      valueByteCount: record.value_bytes ?? value?.count ?? 0, isAbridged: record.abridged ?? false,
      headers: record.headers.map { Header(name: $0.name.bytes ?? [], value: $0.value.bytes) },
      score: record.score ?? 0)
  }
}
