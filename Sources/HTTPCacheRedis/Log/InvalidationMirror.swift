//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// The log of invalidations up to a record, in a form that can be asked. Pure.
///
/// The memory is bounded: every subject is a digest, and beyond the limits the oldest invalidations are forgotten, with
/// everything that was asked for before.
struct InvalidationMirror: Sendable {
  /// As many tags and keys are remembered, and at least as many records.
  static let limit = InvalidationLog.limit

  /// The identity of the log.
  let log: UInt64
  /// The last record that is known.
  private(set) var last: InvalidationRecord
  private var table: InvalidationTable<CacheInstant>
  /// The numbers of the records. An entry's stamp is one of them, unless it comes from a log that had others.
  private var numbers = RingQueue<UInt64>()
  private let numberLimit: Int
  /// The tags that the next record continues.
  private var part: [InvalidationSubject] = []

  /// How many tags and keys are remembered at the moment.
  var markCount: Int { table.count }
  /// How many records are remembered at the moment.
  var recordCount: Int { numbers.count }

  /// A mirror of a log that begins with `first`: whatever was asked for before that record is void.
  ///
  /// - Returns: Nil when the record does not say which log it is of.
  init?(first: InvalidationRecord, recordLimit: Int = Self.limit) {
    guard let log = first.log else { return nil }
    self.log = log
    numberLimit = max(Self.limit, recordLimit)
    table = InvalidationTable(limit: Self.limit, floor: first.id.number)
    last = first
    numbers.append(first.id.number)
    if case .part(let tags) = first.content { part = tags }
  }

  /// Takes in the next record; one that is known already does nothing.
  ///
  /// - Parameter moment: The time of the record, by this process's clock.
  mutating func apply(_ record: InvalidationRecord, moment: CacheInstant) {
    guard record.id > last.id else { return }
    if let log = record.log, log != self.log, let other = Self(first: record, recordLimit: numberLimit) {
      // Another log goes on here. Nothing of this one counts any more.
      self = other
      return
    }
    let number = record.id.number
    // Where records are missing, or cannot be read, anything may have been invalidated.
    let isContinuous = record.log != nil && record.position == last.position &+ 1
    if !isContinuous {
      table.append(.everything, .hard, number, at: moment)
      part = []
    }
    let tags = part
    part = []
    switch record.content {
    case .beginning: table.append(.everything, .hard, number, at: moment)
    case .part(let more): part = tags.count < InvalidationTarget.comparedTagCount ? tags + more : tags
    case .allTags(let more, let mode): table.append(.allTags(tags + more), mode, number, at: moment)
    case .target(let target, let mode): table.append(target, mode, number, at: moment)
    }
    last = record
    numbers.append(number)
    if numbers.count > numberLimit { numbers.removeFirst(numbers.count - numberLimit) }
  }

  /// The number below which everything is void.
  var floor: UInt64 { max(table.floor, numbers.first ?? 0) }

  /// Whether the log has a record with this number. Not to be asked for numbers below ``floor``.
  func contains(_ number: UInt64) -> Bool {
    if number == last.id.number { return true }
    var (low, high) = (0, numbers.count)
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low < numbers.count && numbers[low] == number
  }

  /// The meaning of the invalidations since `stamp` for an entry.
  func verdict(_ candidate: inout InvalidationCandidate, since stamp: UInt64) -> InvalidationVerdict {
    // A stamp that no record has comes from a log that had more records than this one, as after a failover.
    guard stamp >= floor, contains(stamp) else { return .void }
    return stamp == last.id.number ? .valid : table.verdict(&candidate, since: stamp)
  }
}
