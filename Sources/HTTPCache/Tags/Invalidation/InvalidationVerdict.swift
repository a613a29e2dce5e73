//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The meaning of the invalidations since an entry's response was asked for, by this process's clock.
public typealias InvalidationVerdict = TimedInvalidationVerdict<CacheInstant>

/// The meaning of the invalidations since an entry's response was asked for.
public enum TimedInvalidationVerdict<Moment: Comparable & Hashable & Sendable>: Hashable, Sendable {
  /// The entry may be used.
  case valid
  /// The entry is stale since this moment.
  case stale(since: Moment)
  /// The entry must not be used.
  case void

  /// Returns the meaning of both verdicts together: the stricter, and of two moments the earlier.
  public func merged(with other: Self) -> Self {
    switch (self, other) {
    case (.void, _), (_, .void): .void
    case (.stale(let mine), .stale(let theirs)): .stale(since: Swift.min(mine, theirs))
    case (.stale, .valid): self
    case (.valid, _): other
    }
  }
}
