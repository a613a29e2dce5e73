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
  /// The numbers of the buckets that say whether a response for this key may be stored: its own, and that of a variant's
  /// primary key.
  let bucketNumbers: [UInt64]
  /// The marks that the invalidations of this key and of many others are entered in, as long as the slot may have forgotten them.
  var bucket: MemcachedKey { keys.bucket(bucketNumbers[0]) }
  /// The keys of these buckets.
  var buckets: [MemcachedKey] { bucketNumbers.map { keys.bucket($0) } }

  private let keys: MemcachedKeySpace
  private static let bucketCount: UInt64 = 4096

  init(_ key: CacheKey, _ keys: MemcachedKeySpace, _ client: MemcachedClient) {
    self.keys = keys
    let digest = MemcachedKeySpace.digest(key.text)
    slot = keys.key(.entry, digest.first, digest.second)
    let primary = key.primary
    let resource = primary == key ? digest : MemcachedKeySpace.digest(primary.text)
    bucketNumbers = (primary == key ? [digest] : [digest, resource]).map { $0.first % Self.bucketCount }
    host = client.hostCount > 1 ? client.host(of: keys.key(.entry, resource.first, resource.second)) : 0
  }
}

extension MemcachedKeySpace {
  /// The key of a bucket.
  func bucket(_ number: UInt64) -> MemcachedKey { key(.bucket, number, 0) }
}
