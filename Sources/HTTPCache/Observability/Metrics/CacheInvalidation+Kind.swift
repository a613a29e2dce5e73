//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheInvalidation.Target {
  /// A target without what it names.
  enum Kind: String, CaseIterable {
    case key = "key"
    case anyTag = "any-tag"
    case allTags = "all-tags"
    case pathPrefix = "path-prefix"
    case matching = "matching"
    case everything = "everything"
  }

  /// The target without what it names.
  var kind: Kind {
    switch self {
    case .key: .key
    case .anyTag: .anyTag
    case .allTags: .allTags
    case .pathPrefix: .pathPrefix
    case .matching: .matching
    case .everything: .everything
    }
  }
}
