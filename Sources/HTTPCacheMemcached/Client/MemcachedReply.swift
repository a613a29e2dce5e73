//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The reply of a server to a command.
enum MemcachedReply: Sendable {
  /// The values of the keys asked for, in their order.
  case items([MemcachedItem?])
  case stored(MemcachedStoreOutcome)
  /// The counter after its increment; nil when there is none.
  case counter(UInt64?)
  /// Whether there was something to delete.
  case deleted(Bool)
  /// The replies to the commands of a sequence.
  case sequence([MemcachedReply])
}
