//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// What few entries have, in an object of its own, so that the others do not have room for it.
///
/// Made with the entry, or when an entry that has none is marked.
final class OptionalEntryParts: Sendable {
  let trailers: HeaderFields?
  let tags: CacheTags?
  let variantIndex: VariantIndex?
  /// Of the key.
  let uncommonParts: CacheKey.UncommonParts?
  let exact: ExactEntryValues?
  /// Who may refresh the entry, and when.
  let refreshGate = RefreshGate()
  /// See ``TierMark``.
  let tierMarkWord = Atomic<UInt64>(0)

  init(
    trailers: HeaderFields? = nil, tags: CacheTags? = nil, variantIndex: VariantIndex? = nil,
    uncommonParts: CacheKey.UncommonParts? = nil, exact: ExactEntryValues? = nil
  ) {
    self.trailers = trailers
    self.tags = tags
    self.variantIndex = variantIndex
    self.uncommonParts = uncommonParts
    self.exact = exact
  }

  /// What the objects take, in bytes, see ``CacheEntry/allocationSize``.
  var byteCount: Int { Self.allocationSize + (exact == nil ? 0 : ExactEntryValues.allocationSize) }

  /// The memory of the objects and all that they refer to, in bytes.
  var contentByteCount: Int {
    byteCount + (trailers?.storage.allocationByteCount ?? 0) + (tags?.byteCount ?? 0) + (variantIndex?.byteCount ?? 0)
      + (uncommonParts?.byteCount ?? 0)
  }

  static let allocationSize = HeapBlock.byteCount(
    ofObjectWith: (HeaderFields?, CacheTags?, VariantIndex?, CacheKey.UncommonParts?, ExactEntryValues?, Int64, UInt64)
      .self)
}
