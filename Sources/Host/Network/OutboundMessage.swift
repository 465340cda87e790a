import KafkaProtocol
import NIOCore
import PluginLoader

/// A response on its way to the socket: encoded bytes with record extents spliced in.
struct OutboundMessage {
  enum Piece {
    case bytes(ByteBuffer)
    case extent(Extent)
  }
  var pieces: [Piece]

  /// Memory extents up to this size are copied into the surrounding bytes: one more piece costs more than the copy.
  static let copiedExtentBytesMax = 8192

  /// Bytes that the client will read.
  var byteCount: Int {
    pieces.reduce(0) { sum, piece in
      switch piece {
      case .bytes(let buffer): sum + buffer.readableBytes
      case .extent(let extent): sum + extent.byteCount
      }
    }
  }

  init(_ buffer: ByteBuffer) { pieces = [.bytes(buffer)] }

  /// Cuts `bytes` at the splices and puts the extents there; `extents[i]` belongs to splice i.
  init(
    bytes: UnsafeRawBufferPointer, splices: [Splice], extents: [[Extent]], allocator: ByteBufferAllocator
  ) {
    precondition(splices.count == extents.count, "one list of extents per records field")
    pieces = []
    var buffer = allocator.buffer(capacity: bytes.count)
    var position = 0
    for (splice, list) in zip(splices, extents) {
      buffer.writeBytes(bytes[position..<splice.position])
      position = splice.position
      for extent in list {
        if !extent.isFileRegion, extent.byteCount <= Self.copiedExtentBytesMax {
          buffer.writeBytes(extent.memory)
          continue
        }
        if buffer.readableBytes > 0 { pieces.append(.bytes(buffer)) }
        pieces.append(.extent(extent))
        buffer = ByteBuffer()
      }
    }
    buffer.writeBytes(bytes[position...])
    if buffer.readableBytes > 0 { pieces.append(.bytes(buffer)) }
  }
}
