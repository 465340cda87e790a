import Foundation
import KafkaProtocol
import Testing

/// The messages against Kafka's definitions of them, by an encoder that knows only the definitions.
@Suite(.enabled(if: Schema.folder != nil, Comment(rawValue: Schema.skipReason)))
struct ConformanceTests {
  @Test("every field of every version is read and written as the schema says", arguments: catalogue)
  func roundTrip(_ entry: CatalogueEntry) throws {
    let schema = try Schema.message(entry.name)
    let supported = Int(entry.versions.lowerBound)...Int(entry.versions.upperBound)
    for version in supported {
      for filling in Filling.all {
        var filler = SchemaFiller(version: version, filling: filling)
        let value = filler.structure(schema.fields, versions: supported)
        var encoder = SchemaEncoder(version: version, isFlexible: schema.isFlexible(version))
        encoder.encode(value, schema.fields)
        // Something stands in front, as a header does: ranges are relative to the frame.
        let frame = [0xAA, 0xBB, 0xCC, 0xDD, 0xEE] + encoder.bytes
        let message = try decode(entry.type, frame, at: 5, version: Int16(version))
        let found = differences(message, value, frame: frame, path: entry.name)
        #expect(found.isEmpty, "v\(version) \(filling)")
        let encoded = try message.encodedBody(version: Int16(version))
        #expect(
          encoded.assembled(external: encoder.records) == encoder.bytes, "v\(version) \(filling)")
        #expect(encoded.byteCount == encoder.bytes.count)
      }
    }
  }

  @Test("the versions are those the broker needs, and the schema has them", arguments: catalogue)
  func versions(_ entry: CatalogueEntry) throws {
    let schema = try Schema.message(entry.name)
    #expect(entry.type.supportedVersions == entry.versions)
    #expect(schema.validVersions.contains(Int(entry.versions.lowerBound)))
    #expect(schema.validVersions.contains(Int(entry.versions.upperBound)))
    #expect(entry.type.apiKey.rawValue == schema.apiKey)
  }

  @Test("a message holds the schema's defaults before anything is read", arguments: catalogue)
  func defaults(_ entry: CatalogueEntry) throws {
    let schema = try Schema.message(entry.name)
    let supported = Int(entry.versions.lowerBound)...Int(entry.versions.upperBound)
    // No version has any field, so every field has its default.
    var filler = SchemaFiller(version: -1, filling: .defaults)
    let value = filler.structure(schema.fields, versions: supported)
    #expect(differences(entry.type.init(), value, frame: [], path: entry.name).isEmpty)
  }

  @Test("unknown tagged fields are skipped at every level", arguments: catalogue)
  func unknownTags(_ entry: CatalogueEntry) throws {
    let schema = try Schema.message(entry.name)
    let supported = Int(entry.versions.lowerBound)...Int(entry.versions.upperBound)
    for version in supported where schema.isFlexible(version) {
      var filler = SchemaFiller(version: version, filling: .distinct(seed: 4))
      let value = filler.structure(schema.fields, versions: supported)
      var encoder = SchemaEncoder(version: version, isFlexible: true, addsUnknownTags: true)
      encoder.encode(value, schema.fields)
      let message = try decode(entry.type, encoder.bytes, version: Int16(version))
      #expect(
        differences(message, value, frame: encoder.bytes, path: entry.name).isEmpty, "v\(version)")
    }
  }

  @Test("API numbers, names and header versions follow the schema", arguments: APIKey.allCases)
  func headers(_ api: APIKey) throws {
    let request = try Schema.message(api.name + "Request")
    let response = try Schema.message(api.name + "Response")
    #expect(request.apiKey == api.rawValue)
    #expect(request.flexibleVersions?.lowerBound == api.firstFlexibleVersion.map(Int.init))
    for version in 0...40 {
      let isFlexible = request.isFlexible(version)
      #expect(response.isFlexible(version) == isFlexible)
      #expect(api.isFlexible(Int16(version)) == isFlexible)
      #expect(api.requestHeaderVersion(Int16(version)) == (isFlexible ? 2 : 1))
      let responseHeader: Int16 = isFlexible && api != .apiVersions ? 1 : 0
      #expect(api.responseHeaderVersion(Int16(version)) == responseHeader)
    }
    #expect(!api.isFlexible(.max) || api.firstFlexibleVersion != nil)
  }

  @Test("every request in the schema folder has a number here")
  func allRequestsHaveNumbers() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Schema.folder ?? "")
    let requests = files.filter { $0.hasSuffix("Request.json") }.map { $0.dropLast(12) }
    #expect(Set(requests.map(String.init)) == Set(APIKey.allCases.map(\.name)))
  }

  @Test("the formats of the consumer protocol are read and written as the schema says")
  func consumerProtocol() throws {
    try consumerProtocol(ConsumerProtocolSubscription.self)
    try consumerProtocol(ConsumerProtocolAssignment.self)
  }

  private func consumerProtocol<Value: ConsumerProtocolData>(_ type: Value.Type) throws {
    let schema = try Schema.message("\(type)")
    #expect(type.supportedVersions == 0...3)
    for version in 0...3 {
      for filling in Filling.all {
        var filler = SchemaFiller(version: version, filling: filling)
        let value = filler.structure(schema.fields, versions: 0...3)
        var encoder = SchemaEncoder(version: version, isFlexible: false)
        encoder.encode(value, schema.fields)
        let bytes = [0, UInt8(version)] + encoder.bytes
        let decoded = try Value.decode(bytes)
        #expect(Int(decoded.version) == version)
        #expect(differences(decoded.value, value, frame: bytes, path: "\(type)").isEmpty)
        #expect(try decoded.value.encoded(version: Int16(version)) == bytes)
        // A later version has the fields of ours and more behind them.
        if version == 3 {
          let later = try Value.decode([0, 9] + encoder.bytes + [1, 2, 3])
          #expect(later.version == 9)
          #expect(differences(later.value, value, frame: bytes, path: "\(type)").isEmpty)
        }
        for count in bytes.indices {
          #expect(throws: WireError.self) { try Value.decode(Array(bytes.prefix(count))) }
        }
      }
    }
  }
}
