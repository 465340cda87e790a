import CCRC32C
import KafkaRecords
import Testing

@Suite("CRC-32C")
struct CRC32CTests {
  static let kernels = (0..<CCRC32C_KERNEL_COUNT.rawValue).map { ccrc32c_kernel($0) }
    .filter { ccrc32c_kernel_available($0) == 1 }

  /// Published vectors: the check value of the CRC catalogue and those of RFC 3720, appendix B.4.
  static let vectors: [([UInt8], UInt32)] = [
    ([], 0),
    ([UInt8]("123456789".utf8), 0xE306_9283),
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
    ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    ([UInt8](0..<32), 0x46DD_794E),
    ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
  ]

  @Test("every kernel this processor has gives the published values", arguments: kernels)
  func publishedVectors(kernel: ccrc32c_kernel) {
    for (bytes, expected) in Self.vectors {
      #expect(bytes.withBytes { ccrc32c_extend_with(kernel, 0, $0.baseAddress, $0.count) } == expected)
      #expect(bytes.withBytes { CRC32C.checksum($0) } == expected)
    }
  }

  @Test("every kernel agrees with the bitwise definition at all sizes and alignments", arguments: kernels)
  func agreesWithBitwise(kernel: ccrc32c_kernel) {
    var random = SeededRandom(seed: 17)
    let data = random.bytes(40_000)
    let sizes = Array(0...600) + [1023, 1024, 1025, 2048, 4095, 6143, 6144, 6145, 6528, 8191, 12_288, 20_000, 39_990]
    data.withBytes { data in
      for size in sizes {
        for alignment in size <= 600 ? [0, 1, 7] : [0, 3, 8] {
          let start = data.baseAddress! + alignment
          let expected = ccrc32c_extend_with(CCRC32C_BITWISE, 0, start, size)
          if ccrc32c_extend_with(kernel, 0, start, size) != expected {
            Issue.record("kernel \(kernel.rawValue), \(size) bytes at alignment \(alignment)")
          }
        }
      }
    }
  }

  @Test("a checksum continues across any split")
  func extendsAcrossSplits() {
    var random = SeededRandom(seed: 18)
    let data = random.bytes(3000)
    data.withBytes { data in
      let whole = CRC32C.checksum(data)
      for split in stride(from: 0, through: 3000, by: 41) {
        let left = UnsafeRawBufferPointer(rebasing: data[..<split])
        let right = UnsafeRawBufferPointer(rebasing: data[split...])
        #expect(CRC32C.extend(CRC32C.checksum(left), right) == whole)
        #expect(
          CRC32C.combine(CRC32C.checksum(left), CRC32C.checksum(right), byteCountOfB: right.count) == whole)
      }
    }
  }

  @Test("the fastest available kernel is the one in use")
  func dispatch() {
    let best = Self.kernels.map(\.rawValue).max()
    #expect(ccrc32c_selected_kernel().rawValue == best)
  }
}
