//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// A log that is being read from its beginning, to take the place of what was known before. Pure.
struct LogReading: Sendable {
  /// The last record of what was known before.
  let known: InvalidationRecord?
  /// The log, as far as it has been read.
  private(set) var mirror: InvalidationMirror?
  /// Whether the log has the known record, so that it is the one that was known.
  private(set) var hasKnown = false
  /// The last record that has been read.
  private(set) var last: InvalidationRecord?
  private let recordLimit: Int

  init(known: InvalidationRecord?, recordLimit: Int) {
    self.known = known
    self.recordLimit = recordLimit
  }

  mutating func take(_ records: [InvalidationRecord], moment: (InvalidationRecord) -> CacheInstant) {
    for record in records {
      if record == known { hasKnown = true }
      if mirror == nil {
        mirror = InvalidationMirror(first: record, recordLimit: recordLimit)
      } else {
        mirror?.apply(record, moment: moment(record))
      }
      last = record
    }
  }

  /// Whether nothing is valid by this log that was void by what was known before.
  ///
  /// True when the known record is in the log, or everything up to that record is void. Otherwise records have been lost, as after a failover to a replica that lacked them, and nobody knows which.
  var isComplete: Bool {
    guard let known else { return true }
    guard let mirror else { return false }
    return hasKnown || mirror.floor > known.id.number
  }
}
