//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The keys whose responses have lately turned out to be for one request each, so that their requests do not queue behind
/// each other. Bounded: the keys that were remembered longest ago are forgotten first.
struct UnsharedKeys {
  /// Why the responses of a key are not shared.
  enum Reason {
    /// They may not be stored.
    case uncacheable
    /// They may be stored, but not be used for another request without validation.
    case needsValidation
  }

  private var elements: BoundedMap<KeyDigest, (reason: Reason, until: CacheInstant)>

  init(limit: Int = 16_384) { elements = BoundedMap(maximumCount: limit) }

  var count: Int { elements.count }
  /// How many keys there is memory for.
  var capacity: Int { elements.capacity }

  mutating func remember(_ digest: KeyDigest, as reason: Reason, until: CacheInstant, at now: CacheInstant) {
    // Two at a time: so what has expired goes faster than keys can come.
    for _ in 0..<2 {
      guard let first = elements.first, first.value.until <= now else { break }
      elements.popFirst()
    }
    elements.append((reason, until), for: digest)
  }

  /// Why the responses of a key are not shared; nil when nothing is known of them.
  mutating func reason(for digest: KeyDigest, at now: CacheInstant) -> Reason? {
    guard let (reason, until) = elements[digest] else { return nil }
    if now < until { return reason }
    elements.remove(digest)
    return nil
  }

  mutating func forget(_ digest: KeyDigest) { elements.remove(digest) }

  mutating func removeAll() { elements.removeAll() }
}
