//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The target of an invalidation in a bounded number of bytes: digests instead of texts.
package enum InvalidationTarget: Sendable {
  /// A key, with all its variants.
  case key(InvalidationSubject)
  /// Entries with at least one of the tags.
  case anyTag([InvalidationSubject])
  /// Entries with all of the tags.
  case allTags([InvalidationSubject])
  /// Entries whose path begins with the subject's text of so many bytes.
  case pathPrefix(byteCount: Int, InvalidationSubject)
  /// Entries that the predicate is true for.
  case matching(@Sendable (CacheKey, [String]) -> Bool)
  /// All entries.
  case everything

  /// How many of the tags that an entry must have are compared. With fewer, more entries are concerned, never less.
  package static let comparedTagCount = 128

  /// A target by the digests of its texts.
  package init(_ target: CacheInvalidation.Target) {
    switch target {
    case .key(let key): self = .key(.key(key))
    case .anyTag(let tags): self = .anyTag(tags.map { .tag($0) })
    case .allTags(let tags) where tags.count < 2: self = .anyTag(tags.map { .tag($0) })
    case .allTags(let tags): self = .allTags(tags.prefix(Self.comparedTagCount).map { .tag($0) })
    case .pathPrefix(let prefix):
      let byteCount = prefix.utf8.count
      self =
        InvalidationSubject.path(prefix, byteCount: byteCount).map { .pathPrefix(byteCount: byteCount, $0) }
        ?? .everything
    case .matching(let predicate): self = .matching(predicate)
    case .everything: self = .everything
    }
  }

  /// Whether an invalidation of this target concerns an entry.
  package func concerns(_ candidate: inout InvalidationCandidate) -> Bool {
    switch self {
    case .key(let key): candidate.keys.contains(key)
    case .anyTag(let tags): candidate.tags.contains { tags.contains($0) }
    case .allTags(let tags): !tags.isEmpty && tags.allSatisfy { candidate.tags.contains($0) }
    case .pathPrefix(let byteCount, let path):
      InvalidationSubject.path(candidate.key.targetText, byteCount: byteCount) == path
    case .matching(let predicate): predicate(candidate.key, candidate.tagNames)
    case .everything: true
    }
  }

  /// The same for all invalidations of the same target; nil for a predicate, which cannot be compared.
  package var identity: InvalidationSubject? {
    switch self {
    case .key(let key): key
    case .anyTag(let tags): .list(tags, number: 1)
    case .allTags(let tags): .list(tags, number: 2)
    case .pathPrefix(_, let path): path
    case .matching: nil
    case .everything: .list([], number: 3)
    }
  }
}
