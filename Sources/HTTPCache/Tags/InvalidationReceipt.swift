//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What an invalidation has done.
public struct InvalidationReceipt: Hashable, Sendable {
  /// How many entries it concerned; nil where that was not counted, because the invalidation took the same time however
  /// many there are.
  public var entryCount: Int?

  /// - Parameter entryCount: How many entries it concerned, when that is known.
  public init(entryCount: Int? = nil) { self.entryCount = entryCount }
}
