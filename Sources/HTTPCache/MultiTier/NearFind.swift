//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The state of a lookup in tiers before the far tier is asked.
struct NearFind {
  let key: CacheKey
  /// The near tier's copy, usable or not.
  let copy: CacheEntry?
  /// The near tier's stamp, if it could be had.
  let stamp: InvalidationStamp?
  /// The failure of a near tier that could say nothing.
  let error: (any Error)?
  /// How often copies had become doubtful, what had happened to the key, and how many invalidations there had been before the
  /// tiers were asked.
  let doubts: UInt64
  let sequence: UInt64
  let invalidations: UInt64
  /// Whether a newer entry than the far tier's is being written there.
  var isBeingWritten = false
  /// The entry that is being written, if it may be served.
  var waiting: CacheEntry?
  /// The result, if the far tier need not be asked.
  var result: CacheLookup?
}
