//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// The invalidations as one process knows them: those in the log that all share, and those that it has yet to write there.
/// Pure.
struct LogFollower: Sendable {
  /// The last record that is known, from which the log is asked for.
  struct Position: Sendable {
    let log: UInt64
    let record: InvalidationRecord
  }

  /// The result of a page of the log.
  enum Step: Equatable, Sendable {
    /// All that the log had when it was asked is known.
    case complete
    /// There is more, or the answer is about a log that is not the known one any more: ask again.
    case more
    /// The known record is not there: the log has to be read from its beginning.
    case unknown
    /// A record that can be of no log of this library is there.
    case unreadable(id: Bytes)
  }

  private(set) var mirror: InvalidationMirror?
  /// The invalidations that are being written, or have yet to be because that failed.
  var pending: PendingInvalidations<CacheInstant>
  /// The highest number that was in a log whose place another one has taken.
  private var highest: UInt64 = 0
  let recordLimit: Int

  init(recordLimit: Int, pendingLimit: Int = 1024) {
    self.recordLimit = recordLimit
    pending = PendingInvalidations(limit: pendingLimit)
  }

  /// The last record that is known; nil before anything is.
  var position: Position? { mirror.map { Position(log: $0.log, record: $0.last) } }

  /// The number that a new record has to be above, so that everybody who knows as much recognises it as newer.
  var lowerBound: StreamID { StreamID(number: max(highest, mirror?.last.id.number ?? 0)) }

  // MARK: Reading

  /// Whether what is known still includes `position`.
  func includes(_ position: Position) -> Bool {
    mirror.map { $0.log == position.log && $0.last.id >= position.record.id } ?? false
  }

  /// Takes in a page that was asked for from `position` on.
  ///
  /// - Parameters:
  ///   - limit: How many records were asked for.
  ///   - moment: The time of a record by this process's clock.
  mutating func take(
    _ page: LogPage, from position: Position, limit: Int, moment: (InvalidationRecord) -> CacheInstant
  ) -> Step {
    switch page {
    case .otherType: return .unknown
    case .unreadable(let id): return .unreadable(id: id)
    case .records(let records):
      guard records.first == position.record else { return .unknown }
      guard includes(position) else { return .more }
      for record in records { mirror?.apply(record, moment: moment(record)) }
      return records.count < limit ? .complete : .more
    }
  }

  /// Puts a log that has been read in the place of what was known.
  ///
  /// Where records are lost everything is invalidated: from now on here, and for everybody as soon as it is written.
  mutating func adopt(_ reading: LogReading, at now: CacheInstant) {
    guard let new = reading.mirror, mirror?.last == reading.known else { return }
    highest = max(highest, mirror?.last.id.number ?? 0)
    if !reading.isComplete { invalidateEverything(at: now) }
    mirror = new
  }

  private mutating func invalidateEverything(at now: CacheInstant) {
    let item = pending.begin(CacheInvalidation(.everything), at: now)
    _ = pending.failed(item.number)
  }

  // MARK: Asking

  /// Whether a record that this process has written is known, or nothing that it could concern is used any more. If neither, the
  /// log has lost the record before it was read.
  func knows(_ written: StreamID) -> Bool {
    mirror.map { written.number < $0.floor || $0.contains(written.number) } ?? false
  }

  /// The meaning of all invalidations since `stamp` for an entry.
  ///
  /// - Parameter log: The identity of the log that the stamp is of.
  func verdict(key: CacheKey, tags: CacheTags?, log: UInt64?, since stamp: UInt64) -> InvalidationVerdict {
    guard let mirror, mirror.log == log else { return .void }
    var candidate = InvalidationCandidate(key: key, tags: tags?.names ?? [])
    let verdict = mirror.verdict(&candidate, since: stamp)
    return verdict == .void || pending.isEmpty ? verdict : verdict.merged(with: pending.verdict(&candidate))
  }

  /// How far a stamp may be ahead of the clock and still count as one that the log has lost, in milliseconds.
  private static let tolerance: Int64 = 3_600_000

  /// Whether a stamp shows that the log has lost records: it is one of this very log, and no record has it.
  func isEvidence(log: UInt64, stamp: UInt64, unixNow: UnixTime) -> Bool {
    guard let mirror, mirror.log == log, stamp >= mirror.floor, !mirror.contains(stamp) else { return false }
    let latest = max(mirror.last.id.milliseconds, unixNow.milliseconds)
    return StreamID(number: stamp).milliseconds.subtractingReportingOverflow(latest).partialValue <= Self.tolerance
  }

  /// Invalidates everything because of a stamp, if it is evidence still.
  ///
  /// - Returns: Whether it is.
  mutating func noteLoss(log: UInt64, stamp: UInt64, at now: CacheInstant, unixNow: UnixTime) -> Bool {
    guard isEvidence(log: log, stamp: stamp, unixNow: unixNow) else { return false }
    highest = max(highest, stamp)
    invalidateEverything(at: now)
    return true
  }
}
