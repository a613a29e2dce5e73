//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The right to ask the origin in the name of all processes that share a store.
public struct CacheLease: Hashable, Sendable {
  /// For what.
  public let key: CacheKey
  /// Tells this lease from every other one for the same key.
  public let token: UInt64

  /// - Parameters: see the properties of the same names.
  public init(key: CacheKey, token: UInt64) {
    self.key = key
    self.token = token
  }
}
