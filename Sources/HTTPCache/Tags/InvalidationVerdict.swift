//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What the invalidations since an entry's response was asked for mean for it.
public enum InvalidationVerdict: Hashable, Sendable {
  /// Nothing.
  case valid
  /// It is stale since this moment.
  case stale(since: CacheInstant)
  /// It must not be used.
  case void

  /// What this and another mean together: the stricter, and of two moments the earlier.
  public func merged(with other: InvalidationVerdict) -> InvalidationVerdict {
    switch (self, other) {
    case (.void, _), (_, .void): .void
    case (.stale(let mine), .stale(let theirs)): .stale(since: Swift.min(mine, theirs))
    case (.stale, .valid): self
    case (.valid, _): other
    }
  }
}
