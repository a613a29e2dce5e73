//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What one node tells the others.
public struct BackplaneMessage: Sendable {
  /// What is told.
  public enum Content: Sendable {
    /// The far tier has carried this out.
    case invalidation(CacheInvalidation)
    /// The far tier has a newer response under this key.
    case superseded(CacheKey)
    /// Something has been invalidated that cannot be put into a message (``CacheInvalidation/Target/matching(_:)``).
    case doubt
    /// Nothing, but that this node is there, and the number of its last message.
    case heartbeat
  }

  /// The node; a random number, new with every start.
  public var publisher: UInt64
  /// Which of the node's messages this is, counted from one.
  public var sequence: UInt64
  /// What is told.
  public var content: Content

  /// - Parameters: see the properties of the same names.
  public init(publisher: UInt64, sequence: UInt64, content: Content) {
    self.publisher = publisher
    self.sequence = sequence
    self.content = content
  }
}
