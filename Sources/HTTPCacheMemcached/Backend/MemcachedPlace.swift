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
  var bucket: MemcachedKey { keys.key(.bucket, bucketNumber, 0) }

  private let bucketNumber: UInt64
  private let keys: MemcachedKeySpace

  private static let bucketCount: UInt64 = 4096

  init(_ key: CacheKey, _ keys: MemcachedKeySpace, _ client: MemcachedClient) {
    let text = key.text
    let digest = MemcachedKeySpace.digest(text)
    slot = keys.key(.entry, digest.first, digest.second)
    bucketNumber = digest.first % Self.bucketCount
    self.keys = keys
    guard client.hostCount > 1 else {
      host = 0
      return
    }
    let primary = key.primary
    host = client.host(of: primary == key ? slot : keys.key(.entry, primary.text))
  }
}
