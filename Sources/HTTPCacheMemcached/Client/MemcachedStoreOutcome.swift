//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The outcome of writing a value.
package enum MemcachedStoreOutcome: Hashable, Sendable {
  case stored
  /// `add` found something, or `cas` found nothing or something else.
  case notStored
  /// The server does not take a value of that size.
  case tooLarge
  /// The server has no memory for it, and nothing that it may evict.
  case outOfMemory
}
