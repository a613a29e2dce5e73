//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The head of a hit, `Age` and `Cache-Status` included, and for how long it is right: all hits of one second share it.
final class SentHead: Sendable {
  /// The first moment at which the fields say what is true, in nanoseconds of `CacheInstant`.
  let from: Int64
  /// The first moment at which they no longer do, or at which more than a look at the clock decides about the entry.
  let until: Int64
  /// The cache whose name is in the fields, and whose policy has set `until`.
  let owner: ObjectIdentifier
  let fields: HeaderFields

  init(from: Int64, until: Int64, owner: ObjectIdentifier, fields: HeaderFields) {
    self.from = from
    self.until = until
    self.owner = owner
    self.fields = fields
  }

  @inline(__always)
  func isRight(at now: Int64, for owner: ObjectIdentifier) -> Bool {
    from <= now && now < until && self.owner == owner
  }
}
