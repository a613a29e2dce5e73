//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What became of an attempt to store.
public enum CacheStoreResult: Hashable, Sendable {
  /// It is stored.
  case stored
  /// The backend does not take it, for instance because it is too large.
  case refused
  /// It has been invalidated since it was asked for.
  case invalidated
  /// Storing would mean waiting.
  case unavailable
}
