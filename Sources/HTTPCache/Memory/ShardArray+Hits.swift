//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a layer finds that asks for a hit.
enum PlainHit {
  /// This is the answer.
  case answer(CacheResponse)
  /// There is this entry, and no head that is right for now.
  case entry(CacheEntry)
  /// There is nothing.
  case absent
  /// It takes a closer look: ``InMemoryBackend/peek(_:at:)``.
  case unclear
}

extension ShardArray {
  /// Finds what a hit needs, and counts it as a use.
  ///
  /// One lock, held while a few words are compared and the references that the answer is made of are counted. No key is
  /// made, and the entry itself is not retained.
  ///
  /// - Parameters:
  ///   - digest: That of the other parts of the key.
  ///   - stamp: The number of the last invalidation.
  ///   - owner: Whose heads will do.
  @inline(__always)
  func hit(
    _ digest: KeyDigest, scheme: CacheKey.Scheme, authority: String, target: String, at now: CacheInstant,
    stamp: UInt64, owner: ObjectIdentifier
  ) -> PlainHit {
    let shardIndex = index(of: digest)
    let shard = lock(shardIndex)
    let index = shard.pointee.find(digest) {
      $0.isResource(digest: digest, scheme: scheme, authority: authority, target: target)
    }
    guard index != EntryNode.none else {
      unlock(shardIndex)
      return .absent
    }
    let node = shard.pointee.node(index)
    guard node.pointee.stamp >= stamp, node.pointee.reclaimAt > now.nanoseconds else {
      unlock(shardIndex)
      return .unclear
    }
    shard.pointee.touch(index, at: now.nanoseconds)
    guard let head = node.pointee.head,
      head._withUnsafeGuaranteedRef({ $0.isRight(at: now.nanoseconds, for: owner) })
    else {
      let entry = node.pointee.entry!.takeUnretainedValue()
      unlock(shardIndex)
      return .entry(entry)
    }
    let response = head._withUnsafeGuaranteedRef { head in
      node.pointee.entry!._withUnsafeGuaranteedRef { entry in
        CacheResponse(
          status: entry.status, fields: head.fields, body: Body(entry.body), trailers: entry.trailers, outcome: .hit)
      }
    }
    unlock(shardIndex)
    return .answer(response)
  }
}
