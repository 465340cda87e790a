internal import ArchiveFormat
internal import KafkaRecords
internal import TierKit

/// One unit of a search: an object for the offsets it answers for, or offsets that the source reads. Used by one thread
/// at a time.
final class UnitSearch<Partition: SearchablePartition>: @unchecked Sendable {
  // Sendable because its two phases run one behind the other, with a synchronisation between them.
  private let unit: SearchUnit
  private let scope: Int
  private let partition: Partition
  private let query: Query
  private let source: any SearchSource
  private let state: SearchState
  private var prepared: ObjectSearch<MeteredSource<Partition.Source>>?
  private var meter: MeteredSource<Partition.Source>?
  /// True when the source is asked: for what no object has, and where the object cannot be used.
  private var isScanned = false
  /// Why the object cannot be used.
  private var failure: (any Error)?
  /// The object was forgotten once because something of it was damaged.
  private var isReadAgain = false

  /// `query` is the partition's: its ranges of times, its place to go on.
  init(_ unit: SearchUnit, _ partition: Partition, query: Query, source: any SearchSource, _ state: SearchState) {
    self.unit = unit
    self.partition = partition
    self.source = source
    self.state = state
    var query = query
    switch unit {
    case .object(let scope, _, let offsets):
      self.scope = scope
      query.offsets = offsets
    case .unsealed(let scope, let offsets):
      self.scope = scope
      query.offsets = offsets
      isScanned = true
    }
    self.query = query
  }

  /// How often the query's words occur. `keeps` says whether what was read may stay in memory until `run`.
  func prepare(keeps: (Int) -> Bool) -> CorpusStatistics {
    guard !state.mustStop() else { return CorpusStatistics() }
    if isScanned { return scanStatistics() }
    do {
      return try readingAgain {
        let search = try open()
        // An object without an index of words says nothing about them.
        guard search.hasWords, !search.isExcluded else { return CorpusStatistics() }
        let statistics = try search.prepare()
        if !keeps(statistics.documentCount) { prepared = nil }
        return statistics
      }
    } catch {
      giveUp(error)
      return scanStatistics()
    }
  }

  /// Adds what the unit has to the search's answer.
  func run(_ statistics: CorpusStatistics?) {
    if let floor = state.floor, unit.maxTimestamp < floor { return state.leaveOut() }
    guard !state.mustStop() else { return }
    if isScanned { return scan(statistics) }
    do {
      let budget = SearchBudget(
        hitByteCountMax: state.limits.hitByteCountMax, isExhausted: { [state] in state.mustStop() },
        floor: { [state] in state.floor })
      let answer = try readingAgain { try open().run(statistics, budget: budget) }
      state.countObject(rounds: meter?.roundCount ?? 0)
      state.add(answer, partition: scope)
      if !answer.isPartial { state.finishUnit() }
    } catch {
      giveUp(error)
      if !state.mustStop() { scan(statistics) }
    }
    prepared = nil
  }

  /// Damage sends `body` to the store once more: it may have happened on the way or on the local disk, where it would
  /// be met by every search to come.
  private func readingAgain<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as ArchiveError {
      guard case .corrupt = error, case .object(_, let name, _) = unit, !isReadAgain else { throw error }
      isReadAgain = true
      prepared = nil
      partition.forget(name)
      return try body()
    }
  }

  /// The source has the object's records, too, perhaps from another copy; else the reason goes into the answer.
  private func giveUp(_ error: any Error) {
    failure = error
    prepared = nil
    isScanned = true
  }

  private func open() throws -> ObjectSearch<MeteredSource<Partition.Source>> {
    if let prepared { return prepared }
    guard case .object(_, let name, _) = unit else { preconditionFailure("only objects are opened") }
    let reader = try partition.reader(for: name, state.call)
    let meter = MeteredSource(reader.source, state)
    let search = ObjectSearch(
      ArchiveReader(source: meter, footer: reader.footer, keyFilter: reader.keyFilter), query: query)
    self.meter = meter
    prepared = search
    return search
  }

  // -- through the source

  private func scanStatistics() -> CorpusStatistics {
    let matcher = RecordMatcher(query)
    var statistics = CorpusStatistics()
    if matcher.query.usesNoWord { return statistics }
    var walk = RangeScan(source: source, scope: scope, offsets: query.offsets!, state)
    do throws(TierError) {
      _ = try walk.walk(readsAll: { true }, choose: { _ in .take }) { batch, isVisible in
        statistics.add(batch, isVisible: isVisible, matcher)
      }
    } catch {
      state.fail(explained(error))
    }
    return statistics
  }

  private func scan(_ statistics: CorpusStatistics?) {
    let query = query
    let state = state
    var scan = RecordScan(
      RecordMatcher(query), statistics: statistics ?? CorpusStatistics(),
      hitByteCountMax: state.limits.hitByteCountMax)
    var walk = RangeScan(source: source, scope: scope, offsets: query.offsets!, state)
    let readsAll = { query.timestamps?.lowerBound ?? .min == .min && state.floor == nil }
    do throws(TierError) {
      let isComplete = try walk.walk(readsAll: { readsAll() && scan.wants(.min) }) { header in
        if RecordScan.isOutside(header, query) { return .leave }
        if !scan.wants(header.maxTimestamp) || state.floor.map({ header.maxTimestamp < $0 }) ?? false {
          scan.leaveOut()
          return .leave
        }
        return .take
      } body: { batch, isVisible in
        guard isVisible else { return }
        state.countRecords(Int(batch.header.recordCount))
        scan.add(batch)
      }
      state.add(scan.finish(), partition: scope)
      if isComplete { state.finishUnit() }
    } catch {
      state.add(scan.finish(), partition: scope)
      state.fail(explained(error))
    }
  }

  /// What the source said, behind what was wrong with the object.
  private func explained(_ error: TierError) -> TierError {
    guard let failure, case .object(_, let name, _) = unit else { return error }
    var explained = failure as? TierError ?? TierError(.corrupt, "\(failure)")
    explained.message = "object \(name.path): \(explained.message); and instead of it: \(error.message)"
    return explained
  }
}
