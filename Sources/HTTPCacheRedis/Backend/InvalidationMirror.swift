//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// What this process knows of the invalidations of a server: the log up to a record, in a form that can be asked.
///
/// Pure. Every lookup brings the records behind the last one that is known, so that the mirror is as new as the lookup.
struct InvalidationMirror {
  /// As many tags and keys are remembered.
  static let limit = InvalidationLog.limit

  /// The last record that is known.
  private(set) var current: StreamID
  private var table: InvalidationTable<CacheInstant>

  /// How many tags and keys are remembered at the moment.
  var markCount: Int { table.count }

  /// A mirror of a log that begins with the record `first`, which is still to be applied.
  init(first: InvalidationRecord) {
    table = InvalidationTable(limit: Self.limit, floor: first.id.number)
    // One before it, so that the first is taken like all others. A stream has no record 0-0.
    current = StreamID(number: first.id.number - 1)
  }

  /// Takes in the next record; one that is known already does nothing.
  ///
  /// - Parameter moment: When it was made, by this process's clock.
  mutating func apply(_ record: InvalidationRecord, moment: CacheInstant) {
    guard record.id > current else { return }
    current = record.id
    let target: InvalidationTarget =
      switch record.target {
      case .key(let text): .key(.key(text: text))
      case .anyTag(let tags): InvalidationTarget(.anyTag(tags))
      case .allTags(let tags): InvalidationTarget(.allTags(tags))
      case .pathPrefix(let prefix): InvalidationTarget(.pathPrefix(prefix))
      case .everything, .origin: .everything
      }
    table.append(target, record.isSoft ? .soft : .hard, record.id.number, at: moment)
  }

  /// What the invalidations since `stamp` mean for an entry.
  func verdict(key: CacheKey, tags: CacheTags?, since stamp: UInt64) -> InvalidationVerdict {
    // A stamp from the future: the log has lost records, as after a failover. Nobody knows which.
    if stamp > current.number { return .void }
    if stamp == current.number { return stamp < table.floor ? .void : .valid }
    var candidate = InvalidationCandidate(key: key, tags: tags?.names ?? [])
    return table.verdict(&candidate, since: stamp)
  }
}
