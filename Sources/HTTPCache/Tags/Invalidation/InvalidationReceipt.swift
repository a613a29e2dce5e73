//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What an invalidation has done.
public struct InvalidationReceipt: Hashable, Sendable {
  /// How many entries it concerned; nil where that was not counted, because the invalidation took the same time however
  /// many there are.
  public var entryCount: Int?

  /// How many calls to the origin were under way whose answers nobody else gets any more, and that will not be stored. Not
  /// counted are those that it will have concerned only by their tags: they are not known before the answer is there.
  public var flightCount: Int

  /// Whether every store has been told. If not, one could not be reached, or does not have this kind of invalidation, and
  /// the observers of the cache know which and why.
  public var isComplete: Bool

  /// - Parameters: see the properties of the same names.
  public init(entryCount: Int? = nil, flightCount: Int = 0, isComplete: Bool = true) {
    self.entryCount = entryCount
    self.flightCount = flightCount
    self.isComplete = isComplete
  }
}
