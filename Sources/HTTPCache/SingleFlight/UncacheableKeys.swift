//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The keys whose responses have lately turned out not to be cacheable, so that their requests are not queued behind each
/// other. Bounded: the oldest are forgotten first.
struct UncacheableKeys {
  private let limit: Int
  private var untilByDigest: [KeyDigest: CacheInstant] = [:]
  /// In the order in which they were remembered; may hold digests that have been forgotten since.
  private var order: [KeyDigest] = []
  private var oldest = 0

  init(limit: Int = 16_384) { self.limit = limit }

  var count: Int { untilByDigest.count }

  mutating func remember(_ digest: KeyDigest, until: CacheInstant) {
    if untilByDigest.updateValue(until, forKey: digest) == nil { order.append(digest) }
    while untilByDigest.count > limit {
      untilByDigest[order[oldest]] = nil
      oldest += 1
    }
    if oldest > limit || order.count > 4 * limit {
      order = order[oldest...].filter { untilByDigest[$0] != nil }
      oldest = 0
    }
  }

  mutating func contains(_ digest: KeyDigest, at now: CacheInstant) -> Bool {
    guard let until = untilByDigest[digest] else { return false }
    if now < until { return true }
    untilByDigest[digest] = nil
    return false
  }

  mutating func forget(_ digest: KeyDigest) { untilByDigest[digest] = nil }

  mutating func removeAll() {
    untilByDigest.removeAll()
    order.removeAll()
    oldest = 0
  }
}
