//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// The keys whose responses have lately turned out to be for one request each, so that requests for them do not wait for each
/// other. Bounded: the keys that were remembered longest ago are forgotten first. Costs one load while there are none.
final class UncoalescedKeys: Sendable {
  /// The reason why the responses of a key are for one request each.
  enum Reason {
    /// Responses may not be stored.
    case uncacheable
    /// Responses may be stored, but not be used for another request without validation.
    case needsValidation
  }

  private typealias Elements = BoundedMap<KeyDigest, (reason: Reason, until: CacheInstant)>

  private let hasNone = Atomic(true)
  private let elements: Locked<Elements>

  init(limit: Int = 16_384) { elements = Locked(Elements(maximumCount: limit)) }

  /// Whether there are no keys.
  @inline(__always)
  var isEmpty: Bool { hasNone.load(ordering: .acquiring) }

  var count: Int { elements.withLock { $0.count } }
  /// The number of keys that there is memory for.
  var capacity: Int { elements.withLock { $0.capacity } }

  func remember(_ digest: KeyDigest, as reason: Reason, until: CacheInstant, at now: CacheInstant) {
    change { elements in
      // Two at a time: so what has expired goes faster than keys can come.
      for _ in 0..<2 {
        guard let first = elements.first, first.value.until <= now else { break }
        elements.popFirst()
      }
      elements.append((reason, until), for: digest)
    }
  }

  /// The reason why the responses of a key are for one request each; nil when nothing is known of them.
  func reason(for digest: KeyDigest, at now: CacheInstant) -> Reason? {
    guard !isEmpty else { return nil }
    return change { elements in
      guard let (reason, until) = elements[digest] else { return nil }
      if now < until { return reason }
      elements.remove(digest)
      return nil
    }
  }

  func forget(_ digest: KeyDigest) {
    guard !isEmpty else { return }
    _ = change { $0.remove(digest) }
  }

  func removeAll() {
    change { $0.removeAll() }
  }

  private func change<Result>(_ body: (inout Elements) -> Result) -> Result {
    elements.withLock { elements in
      let result = body(&elements)
      hasNone.store(elements.count == 0, ordering: .releasing)
      return result
    }
  }
}
