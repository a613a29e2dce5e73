//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The invalidations that a tier is being told, or has yet to be told because that failed, in their order. Bounded: when too
/// many wait, everything is to be invalidated in their place.
///
/// Pure. Until a tier has been told, nothing that it returns and that one of these concerns may be used.
struct PendingInvalidations {
  private enum Subject: Hashable {
    case key(CacheKey)
    case anyTag([String])
    case allTags([String])
    case pathPrefix(String)
    case everything
    /// Predicates cannot be compared.
    case other(UInt64)

    init(_ target: CacheInvalidation.Target, number: UInt64) {
      self =
        switch target {
        case .key(let key): .key(key)
        case .anyTag(let tags): .anyTag(tags.sorted())
        case .allTags(let tags): .allTags(tags.sorted())
        case .pathPrefix(let prefix): .pathPrefix(prefix)
        case .everything: .everything
        case .matching: .other(number)
        }
    }
  }

  struct Item {
    var number: UInt64
    /// When it was made.
    var moment: CacheInstant
    var invalidation: CacheInvalidation
    /// Whether it has failed and is to be tried again; otherwise it is being tried for the first time.
    var isWaiting = false
  }

  private var items: [Item] = []
  private var numbers: [Subject: UInt64] = [:]
  private var nextNumber: UInt64 = 0
  private(set) var waitingCount = 0
  private let limit: Int

  /// - Parameter limit: How many may wait after they have failed.
  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { items.isEmpty }
  var count: Int { items.count }
  /// The one that is due.
  var first: Item? { waitingCount == 0 ? nil : items.first { $0.isWaiting } }

  /// Adds one that is going to be tried at once.
  mutating func begin(_ invalidation: CacheInvalidation, at now: CacheInstant) -> Item {
    nextNumber += 1
    let item = Item(number: nextNumber, moment: now, invalidation: invalidation)
    items.append(item)
    return item
  }

  /// One has failed, and waits. Of two for the same target one is enough: the later, as thorough as the more thorough,
  /// and as old as the older.
  ///
  /// - Returns: Whether there are too many, so that everything is to be invalidated in their place.
  mutating func failed(_ number: UInt64) -> Bool {
    guard let index = items.firstIndex(where: { $0.number == number }), !items[index].isWaiting else { return false }
    items[index].isWaiting = true
    waitingCount += 1
    let target = items[index].invalidation.target
    if case .everything = target, items[index].invalidation.mode == .hard {
      // The others are part of it.
      let item = items[index]
      items.removeAll { $0.isWaiting }
      items.append(item)
      numbers = [.everything: number]
      waitingCount = 1
      return false
    }
    if let previous = numbers.updateValue(number, forKey: Subject(target, number: number)),
      let other = items.firstIndex(where: { $0.number == previous })
    {
      if items[other].invalidation.mode == .hard { items[index].invalidation.mode = .hard }
      items[index].moment = min(items[index].moment, items[other].moment)
      items.remove(at: other)
      waitingCount -= 1
    }
    guard waitingCount > limit else { return false }
    let moment = items.first?.moment ?? .distantPast
    items.removeAll { $0.isWaiting }
    nextNumber += 1
    items.append(
      Item(number: nextNumber, moment: moment, invalidation: CacheInvalidation(.everything), isWaiting: true))
    numbers = [.everything: nextNumber]
    waitingCount = 1
    return true
  }

  /// The tier has been told of the one with this number.
  mutating func remove(_ number: UInt64) {
    guard let index = items.firstIndex(where: { $0.number == number }) else { return }
    let item = items.remove(at: index)
    guard item.isWaiting else { return }
    waitingCount -= 1
    let subject = Subject(item.invalidation.target, number: number)
    if numbers[subject] == number { numbers[subject] = nil }
  }

  /// Whether one of them concerns an entry.
  func concerns(_ entry: CacheEntry) -> Bool {
    items.contains {
      InvalidationRules.concerns($0.invalidation.target, key: entry.key, tags: entry.tags?.names ?? [])
    }
  }
}
