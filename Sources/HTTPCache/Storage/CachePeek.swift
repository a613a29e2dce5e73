//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a look without waiting found.
public enum CachePeek: Sendable {
  /// This entry.
  case found(CacheEntry)
  /// There is none.
  case absent
  /// Finding out would mean waiting.
  case unknown
}
