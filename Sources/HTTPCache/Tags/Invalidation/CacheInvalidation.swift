//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// An order to forget entries: which, and how thoroughly.
public struct CacheInvalidation: Sendable {
  /// Whether matching entries are removed (hard) or only marked stale (soft).
  public enum Mode: Hashable, Sendable {
    /// It is gone: never served again.
    case hard
    /// It is stale from now on: to be validated or fetched anew, but `stale-while-revalidate` and `stale-if-error` still
    /// protect, with their windows counted from now.
    case soft
  }

  /// The entries that an invalidation applies to.
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

  /// The entries that the invalidation applies to.
  public var target: Target
  /// Whether the entries are removed or only marked stale.
  public var mode: Mode

  /// - Parameters: see the properties of the same names.
  public init(_ target: Target, mode: Mode = .hard) {
    self.target = target
    self.mode = mode
  }

  /// Whether the invalidation concerns an entry with this key and these tags.
  public func concerns(key: CacheKey, tags: [String]) -> Bool {
    switch target {
    case .key(let other): key == other || key.primary == other
    case .anyTag(let names): names.contains { tags.contains($0) }
    case .allTags(let names): !names.isEmpty && names.allSatisfy { tags.contains($0) }
    case .pathPrefix(let prefix): key.targetText.utf8.starts(with: prefix.utf8)
    case .matching(let predicate): predicate(key, tags)
    case .everything: true
    }
  }

  /// The tags that the invalidation is about; none for other targets.
  package var tags: [String] {
    switch target {
    case .anyTag(let tags), .allTags(let tags): tags
    case .key, .pathPrefix, .matching, .everything: []
    }
  }

  /// The memory that the invalidation takes, about, in bytes.
  package var byteCount: Int {
    switch target {
    case .key(let key): 128 + key.byteCount
    case .anyTag(let tags), .allTags(let tags): tags.reduce(128) { $0 + 32 + $1.utf8.count }
    case .pathPrefix(let prefix): 128 + prefix.utf8.count
    case .matching, .everything: 128
    }
  }
}
