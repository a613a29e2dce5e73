//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension InMemoryBackend {
  /// Remembers that `variant`, listed by `list` under its latest selection, was found for a request with these fields.
  func remember(_ variant: CacheEntry, listedBy list: CacheEntry, for fields: HeaderFields) {
    guard let index = list.variantIndex, let selection = index.selections.first else { return }
    withUnsafeTemporaryAllocation(byteCount: RecentVariants.maximumOctetCount, alignment: 2) { buffer in
      guard let count = RecentVariants.write(selection, of: fields, to: buffer) else { return }
      withNode(of: list) { shard, node in
        guard let recent = index.makeRecent(in: shard) else { return }
        let weightBefore = shard.pointee.weight
        recent.remember(variant.key, for: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        shard.pointee.countRecentVariants(of: node)
        addToTotals(shard, countBefore: shard.pointee.count, weightBefore: weightBefore)
      }
    }
    evict(sparing: shards.index(of: list.digest))
  }
}
