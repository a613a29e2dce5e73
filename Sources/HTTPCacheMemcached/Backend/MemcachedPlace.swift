//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Where an entry is kept, and what its invalidations are entered in.
struct MemcachedPlace: Sendable {
  /// The host that has all variants of the resource and what is known of their invalidations.
  let host: Int
  /// What the entry, or a mark that it was removed, is stored under.
  let slot: MemcachedKey
  /// What the invalidations of this key and of many others are entered in, as long as the slot may have forgotten them.
  var bucket: MemcachedKey { key(ofBucket: bucketNumber) }
  /// The numbers of the buckets that say whether a response for this key may be stored: its own, and that of a variant's
  /// primary key.
  let bucketNumber: UInt64
  let primaryBucketNumber: UInt64?
  /// The keys of these buckets.
  var buckets: [MemcachedKey] { [bucket] + (primaryBucketNumber.map { [key(ofBucket: $0)] } ?? []) }

  private let keys: MemcachedKeySpace

  func key(ofBucket number: UInt64) -> MemcachedKey { keys.key(.bucket, number, 0) }

  private static let bucketCount: UInt64 = 4096

  init(_ key: CacheKey, _ keys: MemcachedKeySpace, _ client: MemcachedClient) {
    let text = key.text
    let digest = MemcachedKeySpace.digest(text)
    slot = keys.key(.entry, digest.first, digest.second)
    bucketNumber = digest.first % Self.bucketCount
    self.keys = keys
    let primary = key.primary
    guard primary != key else {
      primaryBucketNumber = nil
      host = client.hostCount > 1 ? client.host(of: slot) : 0
      return
    }
    let primaryDigest = MemcachedKeySpace.digest(primary.text)
    primaryBucketNumber = primaryDigest.first % Self.bucketCount
    host = client.hostCount > 1 ? client.host(of: keys.key(.entry, primaryDigest.first, primaryDigest.second)) : 0
  }
}
