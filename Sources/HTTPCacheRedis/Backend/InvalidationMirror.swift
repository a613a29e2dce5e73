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

  /// The last invalidations of one tag or key.
  private struct Mark {
    /// The last hard one; zero for none.
    var hard: UInt64 = 0
    /// The soft ones since, the first of them first.
    var soft: [(number: UInt64, moment: CacheInstant)] = []

    var last: UInt64 { soft.last?.number ?? hard }

    mutating func append(_ number: UInt64, _ moment: CacheInstant) {
      soft.append((number, moment))
      guard soft.count > 4 else { return }
      // Two become one that concerns what either did, since the earlier: rather too strict than too lenient.
      soft[1].moment = soft[0].moment
      soft.remove(at: 0)
    }
  }

  private enum Subject: Hashable {
    case key(String)
    case tag(String)
    case everything
  }

  /// The last record that is known.
  private(set) var current: StreamID
  /// What was asked for before this may have been invalidated by what is not known.
  private var floor: UInt64
  private var marks: [Subject: Mark] = [:]
  /// In ascending order of their numbers; may hold subjects that have been invalidated again since.
  private var order: [(subject: Subject, number: UInt64)] = []
  private var oldest = 0
  private var rules = InvalidationRules()

  /// How many tags and keys are remembered at the moment.
  var markCount: Int { marks.count }

  /// A mirror of a log that begins with the record `first`, which is still to be applied.
  init(first: InvalidationRecord) {
    floor = first.id.number
    // One before it, so that the first is taken like all others. A stream has no record 0-0.
    current = StreamID(number: first.id.number - 1)
  }

  /// Takes in the next record; one that is known already does nothing.
  ///
  /// - Parameter moment: When it was made, by this process's clock.
  mutating func apply(_ record: InvalidationRecord, moment: CacheInstant) {
    guard record.id > current else { return }
    current = record.id
    let number = record.id.number
    switch record.target {
    case .key(let text): mark(.key(text), record.isSoft, number, moment)
    case .anyTag(let tags): for tag in tags { mark(.tag(tag), record.isSoft, number, moment) }
    case .everything where record.isSoft: mark(.everything, true, number, moment)
    case .everything, .origin:
      // Nothing older can be valid, whatever else is known of it.
      self.floor = number
      marks.removeAll()
      order.removeAll()
      oldest = 0
      rules = InvalidationRules()
    case .allTags(let tags): append(.allTags(tags), record.isSoft, number, moment)
    case .pathPrefix(let prefix): append(.pathPrefix(prefix), record.isSoft, number, moment)
    }
  }

  /// What the invalidations since `stamp` mean for an entry.
  func verdict(key: CacheKey, tags: CacheTags?, since stamp: UInt64) -> InvalidationVerdict {
    // A stamp from the future: the log has lost records, as after a failover. Nobody knows which.
    if stamp < floor || stamp > current.number { return .void }
    if stamp == current.number { return .valid }
    var earliest: CacheInstant?
    func isVoid(_ subject: Subject) -> Bool {
      guard let mark = marks[subject], mark.last > stamp else { return false }
      if mark.hard > stamp { return true }
      if let soft = mark.soft.first(where: { $0.number > stamp }) {
        earliest = min(earliest ?? .distantFuture, soft.moment)
      }
      return false
    }
    if isVoid(.everything) || isVoid(.key(key.text)) { return .void }
    let primary = key.primary
    if primary != key && isVoid(.key(primary.text)) { return .void }
    let names = tags?.names ?? []
    for name in names where isVoid(.tag(name)) { return .void }
    switch rules.verdict(key: key, tags: names, since: stamp) {
    case .void: return .void
    case .stale(let since): earliest = min(earliest ?? .distantFuture, since)
    case .valid: break
    }
    return earliest.map { .stale(since: $0) } ?? .valid
  }

  private mutating func append(
    _ target: CacheInvalidation.Target, _ isSoft: Bool, _ number: UInt64, _ moment: CacheInstant
  ) {
    rules.append(
      InvalidationRules.Rule(
        number: number, moment: moment, invalidation: CacheInvalidation(target, mode: isSoft ? .soft : .hard)))
  }

  private mutating func mark(_ subject: Subject, _ isSoft: Bool, _ number: UInt64, _ moment: CacheInstant) {
    if isSoft { marks[subject, default: Mark()].append(number, moment) } else { marks[subject] = Mark(hard: number) }
    order.append((subject, number))
    while marks.count > Self.limit || order.count - oldest > 4 * Self.limit {
      let (subject, number) = order[oldest]
      oldest += 1
      if let mark = marks[subject], mark.last == number {
        marks[subject] = nil
        floor = max(floor, number)
      }
    }
    if oldest > Self.limit {
      order.removeFirst(oldest)
      oldest = 0
    }
  }
}
