//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The cache groups of a stored response (RFC 9875 §2), and as of when.
final class GroupMembership: Sendable {
  /// The groups, each with its origin: groups of different origins have nothing to do with each other (§2.1).
  let groups: [String]
  /// The number of the last invalidation before the response was asked for.
  let stamp: UInt64

  init(groups: [String], stamp: UInt64) {
    self.groups = groups
    self.stamp = stamp
  }
}
