//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// For how long the head of a hit, `Age` and `Cache-Status` included, is right, and whose it is: all hits of one second
/// share one head.
///
/// It lies in the memory of the fields, which a hit touches anyway to count its reference.
struct HeadValidity {
  /// The first moment at which the fields say what is true, in nanoseconds of `CacheInstant`.
  let from: Int64
  /// How long after it they no longer do, or more than a look at the clock decides about the entry; in nanoseconds, so four
  /// seconds at most.
  private let duration: UInt32
  /// The cache whose name is in the fields, and whose policy has set `duration`: see ``newOwner()``. Zero for none.
  private let owner: UInt32

  /// That of fields which nobody may send again as they are.
  static let never = HeadValidity(from: 0, until: 0, owner: 0)

  init(from: Int64, until: Int64, owner: UInt32) {
    self.from = from
    duration = UInt32(clamping: until.subtractingSaturated(from))
    self.owner = owner
  }

  @inline(__always)
  func covers(_ now: Int64, for owner: UInt32) -> Bool {
    // Before `from` the difference is negative, and as an unsigned number larger than any duration.
    UInt64(bitPattern: now &- from) < UInt64(duration) && self.owner == owner
  }

  /// Whether the fields are too old to be sent again at `now`, whoever asks.
  func isOver(at now: Int64) -> Bool { now.subtractingSaturated(from) >= Int64(duration) }

  /// A number for a cache, which no other of the last four billion in this process has had.
  static func newOwner() -> UInt32 { max(1, lastOwner.wrappingAdd(1, ordering: .relaxed).newValue) }

  private static let lastOwner = Atomic<UInt32>(0)
}
