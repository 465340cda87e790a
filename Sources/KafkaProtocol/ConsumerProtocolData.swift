/// The formats that consumers exchange through the broker inside JoinGroup and SyncGroup: an `int16` version, then the
/// fields of a never flexible struct, without a length. The broker passes them on unread; it reads them to describe
/// groups.
public protocol ConsumerProtocolData: WireStruct {
  static var supportedVersions: ClosedRange<Int16> { get }
}

extension ConsumerProtocolData {
  /// Reads version and fields. A version above ours is read as our highest, and bytes behind the fields are ignored:
  /// later versions only add fields at the end.
  public static func decode(_ bytes: [UInt8]) throws(WireError) -> (version: Int16, value: Self) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(WireError) in
      let bytes = UnsafeRawBufferPointer(bytes)
      var prefix = FieldCoder(reading: bytes, version: 0, isFlexible: false)
      let version = try prefix.load(Int16.self)
      guard version >= supportedVersions.lowerBound else {
        throw WireError(.unsupportedVersion, position: 0, version: version)
      }
      var field = FieldCoder(
        reading: bytes, at: prefix.position, version: min(version, supportedVersions.upperBound),
        isFlexible: false)
      var value = Self()
      try value.transcode(&field)
      return (version, value)
    }
  }

  /// Writes version and fields. Throws `.unsupportedVersion` outside `supportedVersions`.
  public func encoded(version: Int16) throws(WireError) -> [UInt8] {
    guard Self.supportedVersions.contains(version) else {
      throw WireError(.unsupportedVersion, position: 0, version: version)
    }
    var field = FieldCoder(writing: version, isFlexible: false)
    field.store(version)
    var copy = self
    try copy.transcode(&field)
    return field.withWrittenBytes { [UInt8]($0) }
  }
}
