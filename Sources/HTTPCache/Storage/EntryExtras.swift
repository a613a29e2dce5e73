//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// What few entries have, in an object of its own, so that the others do not have room for it.
///
/// Made with the entry, or when an entry that has none is marked.
final class EntryExtras: Sendable {
  let trailers: HeaderFields?
  let tags: CacheTags?
  let variantIndex: VariantIndex?
  /// Of the key.
  let rarity: CacheKey.Rarity?
  let extremes: EntryExtremes?
  /// Who may refresh the entry, and when.
  let refreshGate = RefreshGate()
  /// See ``TierMark``.
  let tierMarkWord = Atomic<UInt64>(0)

  init(
    trailers: HeaderFields? = nil, tags: CacheTags? = nil, variantIndex: VariantIndex? = nil,
    rarity: CacheKey.Rarity? = nil, extremes: EntryExtremes? = nil
  ) {
    self.trailers = trailers
    self.tags = tags
    self.variantIndex = variantIndex
    self.rarity = rarity
    self.extremes = extremes
  }

  /// What the objects take, in bytes, see ``CacheEntry/allocationSize``.
  var byteCount: Int { Self.allocationSize + (extremes == nil ? 0 : EntryExtremes.allocationSize) }

  /// The memory of the objects and all that they refer to, in bytes.
  var contentByteCount: Int {
    byteCount + (trailers?.storage.allocationByteCount ?? 0) + (tags?.byteCount ?? 0) + (variantIndex?.byteCount ?? 0)
      + (rarity?.byteCount ?? 0)
  }

  static let allocationSize = HeapBlock.byteCount(
    ofObjectWith: (HeaderFields?, CacheTags?, VariantIndex?, CacheKey.Rarity?, EntryExtremes?, Int64, UInt64).self)
}
