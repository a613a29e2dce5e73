//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a lookup found.
public struct CacheLookup: Sendable {
  /// The entry; nil when there is none that is valid.
  public var entry: CacheEntry?
  /// The number of the last invalidation at that moment. Comes back with what is stored in consequence.
  public var stamp: InvalidationStamp

  /// - Parameters: see the properties of the same names.
  public init(entry: CacheEntry?, stamp: InvalidationStamp) {
    self.entry = entry
    self.stamp = stamp
  }
}
