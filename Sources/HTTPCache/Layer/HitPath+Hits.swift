//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What there is instead of an answer.
enum PlainMiss {
  /// This entry, and no head that is right for now. Retained.
  case entry(Unmanaged<CacheEntry>)
  /// Nothing.
  case absent
  /// It takes a closer look: ``InMemoryBackend/peek(_:at:)``.
  case unclear
}

extension HitPath {
  /// Finds the answer to a plain request, and counts it as a use and as a hit.
  ///
  /// One lock, held while a few words are compared and the references that the answer is made of are counted. No key is
  /// made, and the entry itself is not retained.
  ///
  /// - Parameters:
  ///   - scheme: That of the request.
  ///   - owner: The owner of the heads that will do: the request's policy.
  ///   - miss: Set when there is no answer.
  ///   - mayBePersonal: Whether the request has a cookie or credentials, so that a lifetime that only the policy gives may
  ///     not apply.
  ///   - isCounted: Whether this counts the hit.
  @inline(__always)
  func hit(
    _ request: borrowing CacheRequest, _ scheme: CacheKey.Scheme, owner: UInt32, at now: CacheInstant,
    orElse miss: inout PlainMiss, mayBePersonal: Bool = false, isCounted: Bool = true
  ) -> CacheResponse? {
    let digest = digest(of: request, scheme)
    let current = currentInvalidation
    let shardIndex = shards.index(of: digest)
    let shard = shards.lock(shardIndex)
    let index = shard.pointee.find(digest) {
      $0.isResource(scheme: scheme, authority: request.authority, target: request.target)
    }
    guard index != EntryNode.none else {
      shards.unlock(shardIndex)
      miss = .absent
      return nil
    }
    let node = shard.pointee.node(index)
    guard node.pointee.shortStamp == UInt32(truncatingIfNeeded: current),
      !node.pointee.mayBeExpired(at: now.nanoseconds)
    else {
      shards.unlock(shardIndex)
      miss = .unclear
      return nil
    }
    if mayBePersonal,
      node.pointee.entry.unsafelyUnwrapped._withUnsafeGuaranteedRef({ $0.traits.contains(.policyLifetime) })
    {
      shards.unlock(shardIndex)
      miss = .unclear
      return nil
    }
    shard.pointee.touch(index, at: now.nanoseconds)
    // Both belong to the shard, which lets go of neither before the lock is given back.
    guard let head = node.pointee.head,
      head._withUnsafeGuaranteedRef({ $0.summary.validity.covers(now.nanoseconds, for: owner) })
    else {
      miss = .entry(node.pointee.entry.unsafelyUnwrapped.retain())
      shards.unlock(shardIndex)
      return nil
    }
    if isCounted { counts.add(shard: shardIndex) }
    let response = head._withUnsafeGuaranteedRef { head in
      node.pointee.entry.unsafelyUnwrapped._withUnsafeGuaranteedRef { entry in
        CacheResponse(
          status: entry.status, fields: HeaderFields(sharing: head), body: Body(entry.body),
          trailers: trailers(of: entry),
          outcome: .hit)
      }
    }
    shards.unlock(shardIndex)
    return response
  }

  /// The same for a request that any policy has admitted.
  ///
  /// Not inlined: from two places, `hit` would become a function for the plain ones, too.
  @inline(never)
  func admittedHit(
    _ request: borrowing CacheRequest, _ scheme: CacheKey.Scheme, owner: UInt32, at now: CacheInstant,
    orElse miss: inout PlainMiss, mayBePersonal: Bool, isCounted: Bool
  ) -> CacheResponse? {
    hit(request, scheme, owner: owner, at: now, orElse: &miss, mayBePersonal: mayBePersonal, isCounted: isCounted)
  }

  /// Few entries have any, and a comparison is cheaper than the call that retains nothing.
  @inline(__always)
  private func trailers(of entry: CacheEntry) -> HeaderFields? {
    entry.hasExtras ? retainedTrailers(of: entry) : nil
  }

  @inline(never)
  private func retainedTrailers(of entry: CacheEntry) -> HeaderFields? { entry.trailers }
}
