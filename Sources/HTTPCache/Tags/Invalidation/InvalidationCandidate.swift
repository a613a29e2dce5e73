//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// An entry that invalidations are compared with. Its digests are worked out once, and only when they are needed.
package struct InvalidationCandidate {
  /// The key of the entry.
  package let key: CacheKey
  /// The tags of the entry.
  package let tagNames: [String]
  /// The subjects of the key: a variant is invalidated by its own key and by its resource's.
  package private(set) lazy var keys: [InvalidationSubject] = {
    let primary = key.primary
    return primary == key ? [.key(key)] : [.key(key), .key(primary)]
  }()
  /// The subjects of the tags.
  package private(set) lazy var tags: [InvalidationSubject] = tagNames.map { .tag($0) }

  /// A candidate with this key and these tags.
  package init(key: CacheKey, tags: [String]) {
    self.key = key
    tagNames = tags
  }

  /// A candidate for an entry.
  package init(_ entry: CacheEntry) { self.init(key: entry.key, tags: entry.tags?.names ?? []) }
}
