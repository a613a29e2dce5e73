//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A value as it was found.
package struct MemcachedItem: Hashable, Sendable {
  package var value: MemcachedValue
  /// Changes with every write.
  package var unique: UInt64
}
