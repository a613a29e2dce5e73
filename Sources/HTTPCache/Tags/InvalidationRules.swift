//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The invalidations that are no single tag's: several tags at once, path prefixes, predicates. In the order of their
/// numbers, at least the last ``limit`` of them.
///
/// Pure: the same for every store. What has been pushed out by newer rules is not forgotten but widened: whatever was asked
/// for before the newest of those is void.
public struct InvalidationRules: Sendable {
  /// How many are kept at least; never as many as twice that.
  public static let limit = 256

  /// One of them.
  public struct Rule: Sendable {
    /// Its place in the order of the store's invalidations.
    public var number: UInt64
    /// When it was made.
    public var moment: CacheInstant
    /// What it concerns: tags, a path prefix or a predicate.
    public var invalidation: CacheInvalidation

    /// - Parameters: see the properties of the same names.
    public init(number: UInt64, moment: CacheInstant, invalidation: CacheInvalidation) {
      self.number = number
      self.moment = moment
      self.invalidation = invalidation
    }
  }

  /// The rules, the oldest first.
  public private(set) var rules: [Rule] = []
  /// What was asked for before the invalidation with this number is void: the rules that would know more are forgotten.
  public private(set) var floor: UInt64 = 0

  /// No rules.
  public init() {}

  /// Adds a rule. Its number is higher than those before it.
  ///
  /// - Complexity: O(1), amortised over ``limit``.
  public mutating func append(_ rule: Rule) {
    rules.append(rule)
    guard rules.count >= 2 * Self.limit else { return }
    let surplus = rules.count - Self.limit
    floor = rules[surplus - 1].number
    rules.removeFirst(surplus)
  }

  /// Forgets the rules up to this number. Whatever was asked for before the last of them is void from now on: call this
  /// when nothing stored is.
  public mutating func removeAll(through number: UInt64) {
    let count = rules.prefix { $0.number <= number }.count
    guard count > 0 else { return }
    floor = rules[count - 1].number
    rules.removeFirst(count)
  }

  /// Whether no rule is newer than `stamp`, and none is forgotten that might be.
  public func isCurrent(_ stamp: UInt64) -> Bool { stamp >= floor && rules.last?.number ?? 0 <= stamp }

  /// What the rules since `stamp` mean for an entry.
  ///
  /// - Complexity: O(rules since `stamp`).
  public func verdict(key: CacheKey, tags: [String], since stamp: UInt64) -> InvalidationVerdict {
    if stamp < floor { return .void }
    var verdict = InvalidationVerdict.valid
    for rule in rules.reversed() {
      guard rule.number > stamp else { break }
      guard Self.concerns(rule.invalidation.target, key: key, tags: tags) else { continue }
      if rule.invalidation.mode == .hard { return .void }
      // The oldest counts: it is stale since then.
      verdict = .stale(since: rule.moment)
    }
    return verdict
  }

  /// Whether an invalidation concerns an entry with this key and these tags.
  public static func concerns(_ target: CacheInvalidation.Target, key: CacheKey, tags: [String]) -> Bool {
    switch target {
    case .key(let other): key == other || key.primary == other
    case .anyTag(let names): names.contains { tags.contains($0) }
    case .allTags(let names): !names.isEmpty && names.allSatisfy { tags.contains($0) }
    case .pathPrefix(let prefix): key.targetText.utf8.starts(with: prefix.utf8)
    case .matching(let predicate): predicate(key, tags)
    case .everything: true
    }
  }
}
