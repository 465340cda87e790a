/// Request frames as clients sent them, without the size in front: header and body.
///
/// Recorded with a listening socket that answered ApiVersions, Metadata, InitProducerId and FindCoordinator.
enum CapturedFrames {
  /// kcat with librdkafka 2.0.2
  static let kcatApiVersions3 = bytes(
    """
    0012000300000001000c6b6361742d63617074757265000b6c696272646b61666b6106322e302e3200
    """)

  /// confluent-kafka 2.16.1
  static let confluentApiVersions3 = bytes(
    """
    00120003000000010011636f6e666c75656e742d636170747572650017636f6e666c75656e742d6b61666b612d707974
    686f6e16322e31362e312d72646b61666b612d322e31362e3000
    """)

  /// kafka-python 3.0.12
  static let kafkaPythonApiVersions4 = bytes(
    """
    001200040000000100146b61666b612d707974686f6e2d63617074757265000d6b61666b612d707974686f6e07332e30
    2e313200
    """)

  /// aiokafka
  static let aiokafkaApiVersions0 = bytes(
    """
    0012000000000001001061696f6b61666b612d63617074757265
    """)

  /// kcat, one topic
  static let kcatMetadata4 = bytes(
    """
    0003000400000002000c6b6361742d636170747572650000000100066f726465727301
    """)

  /// aiokafka, no topics
  static let aiokafkaMetadata5 = bytes(
    """
    0003000500000002001061696f6b61666b612d636170747572650000000001
    """)

  /// confluent-kafka, one topic by name
  static let confluentMetadata12 = bytes(
    """
    0003000c000000020011636f6e666c75656e742d63617074757265000200000000000000000000000000000000076f72
    6465727300010000
    """)

  /// kafka-python, no topics
  static let kafkaPythonMetadata12 = bytes(
    """
    0003000c0000000200146b61666b612d707974686f6e2d636170747572650001010000
    """)

  /// kcat -K: with one record, key "k", value "hello"
  static let kcatProduce7 = bytes(
    """
    0000000700000003000c6b6361742d63617074757265ffffffff000075300000000100066f7264657273000000010000
    00000000004a00000000000000000000003e00000000025357284a000000000000000001a1fdc65342000001a1fdc653
    42ffffffffffffffffffffffffffff0000000118000000026b0a68656c6c6f00
    """)

  /// confluent-kafka, idempotent, one record, key "k", value "v"
  static let confluentProduce10 = bytes(
    """
    0000000a000000030011636f6e666c75656e742d636170747572650000ffff0000753002076f72646572730200000000
    4700000000000000000000003a00000000028b78523e000000000000000001a1fdc674e8000001a1fdc674e800000000
    00000fa00000000000000000000110000000026b027600000000
    """)

  /// kcat -o 5
  static let kcatFetch11 = bytes(
    """
    0001000b00000004000c6b6361742d63617074757265ffffffff000001f400000001032000000100000000ffffffff00
    00000100066f72646572730000000100000000ffffffff0000000000000005ffffffffffffffff001000000000000000
    00
    """)

  /// kafka-python, no transactional id
  static let kafkaPythonInitProducerId4 = bytes(
    """
    001600040000000200146b61666b612d707974686f6e2d63617074757265000000000000ffffffffffffffffffff00
    """)

  /// kafka-python, a group
  static let kafkaPythonFindCoordinator4 = bytes(
    """
    000a00040000000200146b61666b612d707974686f6e2d636170747572650000020e636170747572652d67726f757000
    """)

  /// confluent-kafka, cooperative-sticky, client.rack r1
  static let confluentJoinGroup5 = bytes(
    """
    000b0005000000030011636f6e666c75656e742d63617074757265000d636170747572652d67726f75700000afc80004
    93e00000ffff0008636f6e73756d6572000000010012636f6f70657261746976652d737469636b790000001e00030000
    000100066f72646572730000000000000000ffffffff00027231
    """)

  /// kafka-python, range and roundrobin
  static let kafkaPythonJoinGroup7 = bytes(
    """
    000b00070000000200146b61666b612d707974686f6e2d63617074757265000e636170747572652d67726f75700000af
    c8000493e0010009636f6e73756d6572030672616e67651300000000000100066f726465727300000000000b726f756e
    64726f62696e1300000000000100066f7264657273000000000000
    """)

  /// Bytes from hexadecimal digits; everything else is skipped.
  static func bytes(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
