/// A record of a control batch, which consumers never see.
///
///   key    version int16 (0), type int16                the version may grow, and the key with it
///   value  version int16 (0), coordinatorEpoch int32    of an end-transaction marker; other types have values of
///                                                       their own, which are not read here
public struct ControlRecord: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case abort
    case commit
    /// Records of KRaft's metadata log; legal to read, meaningless in a topic.
    case leaderChange
    case snapshotHeader
    case snapshotFooter
    case kraftVersion
    case kraftVoters
    case unknown(Int16)

    public init(id: Int16) {
      switch id {
      case 0: self = .abort
      case 1: self = .commit
      case 2: self = .leaderChange
      case 3: self = .snapshotHeader
      case 4: self = .snapshotFooter
      case 5: self = .kraftVersion
      case 6: self = .kraftVoters
      default: self = .unknown(id)
      }
    }

    public var id: Int16 {
      switch self {
      case .abort: 0
      case .commit: 1
      case .leaderChange: 2
      case .snapshotHeader: 3
      case .snapshotFooter: 4
      case .kraftVersion: 5
      case .kraftVoters: 6
      case .unknown(let id): id
      }
    }

    /// True for the markers that end a transaction.
    public var endsTransaction: Bool { self == .abort || self == .commit }
  }

  public var kind: Kind
  /// Of an end-transaction marker; nil for other types.
  public var coordinatorEpoch: Int32?

  /// An end-transaction marker.
  public static func commit(coordinatorEpoch: Int32) -> ControlRecord {
    ControlRecord(kind: .commit, coordinatorEpoch: coordinatorEpoch)
  }

  public static func abort(coordinatorEpoch: Int32) -> ControlRecord {
    ControlRecord(kind: .abort, coordinatorEpoch: coordinatorEpoch)
  }

  private init(kind: Kind, coordinatorEpoch: Int32?) {
    self.kind = kind
    self.coordinatorEpoch = coordinatorEpoch
  }

  private static let version: Int16 = 0
  private static let keyByteCount = 4
  private static let valueByteCount = 6

  /// Reads a record of a control batch; `index` is its place there, for the error. Later versions are accepted when
  /// they begin as version 0 does.
  ///
  /// Throws `malformedRecord(_, .malformedControlRecord)`.
  public init(_ record: RecordView, index: Int = 0) throws(RecordBatchError) {
    guard let key = record.key, key.count >= Self.keyByteCount, let base = key.baseAddress,
      base.loadBigEndian(0, as: Int16.self) >= Self.version
    else { throw .malformedRecord(index: index, reason: .malformedControlRecord) }
    kind = Kind(id: base.loadBigEndian(2, as: Int16.self))
    guard kind.endsTransaction else { return }
    guard let value = record.value, value.count >= Self.valueByteCount, let base = value.baseAddress,
      base.loadBigEndian(0, as: Int16.self) >= Self.version
    else { throw .malformedRecord(index: index, reason: .malformedControlRecord) }
    coordinatorEpoch = base.loadBigEndian(2, as: Int32.self)
  }

  /// The key of version 0.
  public var key: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.keyByteCount) { buffer, count in
      let target = UnsafeMutableRawPointer(buffer.baseAddress!)
      target.storeBigEndian(Self.version, at: 0)
      target.storeBigEndian(kind.id, at: 2)
      count = Self.keyByteCount
    }
  }

  /// The value of version 0 of an end-transaction marker, nil for other types.
  public var value: [UInt8]? {
    guard let coordinatorEpoch else { return nil }
    return [UInt8](unsafeUninitializedCapacity: Self.valueByteCount) { buffer, count in
      let target = UnsafeMutableRawPointer(buffer.baseAddress!)
      target.storeBigEndian(Self.version, at: 0)
      target.storeBigEndian(coordinatorEpoch, at: 2)
      count = Self.valueByteCount
    }
  }

  /// The batch that ends a producer's transaction in one partition: a single control record, transactional, without
  /// a sequence. `timestamp` in milliseconds since 1970.
  public func endTransactionBatch(producerID: Int64, producerEpoch: Int16, timestamp: Int64) -> [UInt8] {
    precondition(kind.endsTransaction, "not an end-transaction marker")
    var builder = RecordBatchBuilder(
      isTransactional: true, isControl: true, producerID: producerID, producerEpoch: producerEpoch)
    builder.append(timestamp: timestamp, key: key, value: value)
    return builder.build()
  }
}
