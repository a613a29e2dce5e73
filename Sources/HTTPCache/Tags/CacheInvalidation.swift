//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What is to be forgotten, and how thoroughly.
public struct CacheInvalidation: Sendable {
  /// How thoroughly.
  public enum Mode: Hashable, Sendable {
    /// It is gone: never served again.
    case hard
    /// It is stale from now on: to be validated or fetched anew, but `stale-while-revalidate` and `stale-if-error` still
    /// protect, with their windows counted from now.
    case soft
  }

  /// What.
  public enum Target: Sendable {
    /// What is stored under this key, all variants of it.
    case key(CacheKey)
    /// What has at least one of these tags.
    case anyTag([String])
    /// What has all of these tags.
    case allTags([String])
    /// What is stored for paths that begin with this, at any authority. Keys of a user's own making count as their text.
    case pathPrefix(String)
    /// What the predicate is true for. Stores outside this process do not have it.
    case matching(@Sendable (CacheKey, [String]) -> Bool)
    /// Everything.
    case everything
  }

  /// What.
  public var target: Target
  /// How thoroughly.
  public var mode: Mode

  /// - Parameters: see the properties of the same names.
  public init(_ target: Target, mode: Mode = .hard) {
    self.target = target
    self.mode = mode
  }
}
