//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension HitPath {
  /// The reason why the fast path found no reusable response.
  enum Miss {
    /// A usable entry whose prepared head has expired. The caller must release the entry.
    case entry(Unmanaged<CacheEntry>)
    /// Nothing is stored.
    case absent
    /// The request takes a closer look: ``InMemoryBackend/peek(_:at:)``.
    case unclear
    /// The list of variants in this node, some of which are known by the octets of requests. The shard is still locked.
    case variants(Int32)
    /// A hit in this node that is to be noted: ``notedHit(_:isChosen:at:)``. It has been counted, and the shard is still locked.
    case noted(UnsafeMutablePointer<EntryNode>, isChosen: Bool)
  }

  /// Finds the answer to a plain request, and counts it as a use and as a hit.
  ///
  /// One lock, held while a few words are compared and the references that the answer is made of are counted. No key is
  /// made, and the entry itself is not retained. What `answer` does for the others is written out here without what plain
  /// requests never need, for it is not inlined: a tenth of the instructions of a hit.
  ///
  /// - Parameters:
  ///   - scheme: That of the request.
  ///   - owner: The owner of the heads that will do: the request's policy.
  ///   - miss: Set when there is no answer, and when the hit is to be noted: that is done out of line, for what may come after a
  ///     call costs every hit registers (36 instructions, 2026-12-01, `layer_throughput/cache_hit`).
  @inline(__always)
  func hit(
    _ request: borrowing CacheRequest, _ scheme: CacheKey.Scheme, owner: UInt32, at now: CacheInstant,
    orElse miss: inout Miss
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
    shard.pointee.touch(index, at: now.nanoseconds)
    // Both belong to the shard, which lets go of neither before the lock is given back.
    guard let head = node.pointee.head,
      head._withUnsafeGuaranteedRef({ $0.summary.validity.covers(now.nanoseconds, for: owner) })
    else {
      miss = .entry(node.pointee.entry.unsafelyUnwrapped.retain())
      shards.unlock(shardIndex)
      return nil
    }
    // The only policy is the first.
    count(node, shardIndex, policy: 0, isWhole: true)
    let isChosen = sampler.takes(shard: shardIndex)
    if isChosen || records(digest) {
      miss = .noted(node, isChosen: isChosen)
      return nil
    }
    let found = response(head, node)
    shards.unlock(shardIndex)
    return found
  }

  /// Makes the answer of a node's entry after a hit that is to be noted, and unlocks the shard.
  @inline(never)
  func notedHit(
    _ node: UnsafeMutablePointer<EntryNode>, isChosen: Bool, at now: CacheInstant
  ) -> (CacheResponse, NotedHit) {
    let shardIndex = shards.index(of: node.pointee.entry.unsafelyUnwrapped._withUnsafeGuaranteedRef { $0.digest })
    let noted = note(node, isChosen: isChosen, shardIndex, at: now)
    // The shard has been locked since there was seen to be a head.
    let found = response(node.pointee.head.unsafelyUnwrapped, node)
    shards.unlock(shardIndex)
    return (found, noted)
  }

  /// Finds the answer to a plain request among the variants that `list` leads to; nil unless one is known by the octets of
  /// the request's selecting fields.
  ///
  /// - Parameters:
  ///   - list: The entry that was found under the key of the request.
  ///   - noted: Set when the hit is to be counted for hot keys, or recorded.
  @inline(never)
  func variantHit(
    listedBy list: CacheEntry, _ fields: HeaderFields, owner: UInt32, at now: CacheInstant, noted: inout NotedHit?
  ) -> CacheResponse? {
    let shardIndex = shards.index(of: list.digest)
    let shard = shards.lock(shardIndex)
    let index = shard.pointee.find(list.digest) { $0 === list }
    guard index != EntryNode.none, shard.pointee.node(index).pointee.hasRecentVariants else {
      shards.unlock(shardIndex)
      return nil
    }
    var use = Use(owner: owner, now: now, invalidation: currentInvalidation)
    var miss = Miss.unclear
    let response = answerOfVariant(listedBy: index, of: shard, shardIndex, fields, &use, orElse: &miss)
    if response == nil, case .entry(let entry) = miss { entry.release() }
    noted = use.noted
    return response
  }

  /// Retains what is needed to note a hit once the lock is free.
  @inline(never)
  private func note(
    _ node: UnsafeMutablePointer<EntryNode>, isChosen: Bool, _ shardIndex: Int, at now: CacheInstant
  ) -> NotedHit {
    NotedHit(
      entry: node.pointee.entry.unsafelyUnwrapped.retain(),
      weight: isChosen ? sampler.next(shard: shardIndex, at: now.nanoseconds) : 0)
  }

  /// The same for a request that any policy has admitted, under any key.
  ///
  /// - Parameters:
  ///   - use: Gets the digest of the key, and the entry, if it is wanted.
  ///   - miss: Set when there is no answer. Nothing is found for a request without a key.
  @inline(never)
  func admittedHit(
    _ request: CacheRequest, _ policy: ResolvedPolicy, _ searchRules: SearchRules, _ use: inout Use,
    orElse miss: inout Miss
  ) -> CacheResponse? {
    guard policy.isResourceKeyed, searchRules.areEmpty, let scheme = CacheKey.Scheme(usual: request.scheme) else {
      guard let key = policy.key(of: request, searchRules) else {
        miss = .unclear
        return nil
      }
      use.digest = key.digest
      let shardIndex = shards.index(of: key.digest)
      let shard = shards.lock(shardIndex)
      let index = shard.pointee.find(key)
      if let response = answer(index, of: shard, shardIndex, &use, orElse: &miss) { return response }
      return answerOfVariant(of: shard, shardIndex, request.fields, &use, orElse: &miss)
    }
    let digest = digest(of: request, scheme)
    use.digest = digest
    let shardIndex = shards.index(of: digest)
    let shard = shards.lock(shardIndex)
    let index = shard.pointee.find(digest) {
      $0.isResource(scheme: scheme, authority: request.authority, target: request.target)
    }
    if let response = answer(index, of: shard, shardIndex, &use, orElse: &miss) { return response }
    return answerOfVariant(of: shard, shardIndex, request.fields, &use, orElse: &miss)
  }

  /// Makes the answer of a node's entry, and unlocks the shard, unless the entry lists variants that are wanted.
  private func answer(
    _ index: Int32, of shard: UnsafeMutablePointer<ShardState>, _ shardIndex: Int, _ use: inout Use,
    orElse miss: inout Miss
  ) -> CacheResponse? {
    guard index != EntryNode.none else {
      shards.unlock(shardIndex)
      miss = .absent
      return nil
    }
    let node = shard.pointee.node(index)
    guard node.pointee.shortStamp == UInt32(truncatingIfNeeded: use.invalidation),
      !node.pointee.mayBeExpired(at: use.now.nanoseconds)
    else {
      shards.unlock(shardIndex)
      miss = .unclear
      return nil
    }
    if use.mayBePersonal,
      node.pointee.entry.unsafelyUnwrapped._withUnsafeGuaranteedRef({ $0.traits.contains(.policyLifetime) })
    {
      shards.unlock(shardIndex)
      miss = .unclear
      return nil
    }
    shard.pointee.touch(index, at: use.now.nanoseconds)
    // Both belong to the shard, which lets go of neither before the lock is given back.
    guard let head = node.pointee.head,
      head._withUnsafeGuaranteedRef({ $0.summary.validity.covers(use.now.nanoseconds, for: use.owner) })
    else {
      if node.pointee.hasRecentVariants, use.takesVariants {
        miss = .variants(index)
        return nil
      }
      miss = .entry(node.pointee.entry.unsafelyUnwrapped.retain())
      shards.unlock(shardIndex)
      return nil
    }
    if use.isCounted {
      count(node, shardIndex, policy: use.policy, isWhole: use.isWhole)
    } else {
      use.cost = node.pointee.entry.unsafelyUnwrapped._withUnsafeGuaranteedRef { $0.costInMicroseconds }
    }
    if !use.wantsEntry {
      let isChosen = sampler.takes(shard: shardIndex)
      if isChosen || records(use.digest) { use.noted = note(node, isChosen: isChosen, shardIndex, at: use.now) }
    }
    if use.wantsEntry { use.entry = node.pointee.entry.unsafelyUnwrapped.retain() }
    let found = response(head, node)
    shards.unlock(shardIndex)
    return found
  }

  /// Answers with the variant that requests with these octets in the selecting fields have been answered with before, where
  /// `miss` says that there are such, and the shard is still locked.
  @inline(__always)
  private func answerOfVariant(
    of shard: UnsafeMutablePointer<ShardState>, _ shardIndex: Int, _ fields: HeaderFields, _ use: inout Use,
    orElse miss: inout Miss
  ) -> CacheResponse? {
    guard case .variants(let list) = miss else { return nil }
    return answerOfVariant(listedBy: list, of: shard, shardIndex, fields, &use, orElse: &miss)
  }

  @inline(never)
  private func answerOfVariant(
    listedBy list: Int32, of shard: UnsafeMutablePointer<ShardState>, _ shardIndex: Int, _ fields: HeaderFields,
    _ use: inout Use, orElse miss: inout Miss
  ) -> CacheResponse? {
    let entry = shard.pointee.entry(list)
    let found: Int32? = entry._withUnsafeGuaranteedRef { entry in
      guard let variants = entry.variantIndex, let recent = variants.recent(in: shard) else { return nil }
      return withUnsafeTemporaryAllocation(byteCount: RecentVariants.maximumOctetCount, alignment: 2) { buffer in
        guard let count = RecentVariants.write(variants.selections[0], of: fields, to: buffer),
          let variant = recent.variant(for: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        else { return nil }
        return shard.pointee.find(variant.digest) { $0.isVariant(with: variant.parts, listedBy: entry) }
      }
    }
    use.takesVariants = false
    guard let found, found != EntryNode.none else {
      // Which variant it is, and whether there is one, is found out in the usual way.
      miss = .entry(entry.retain())
      shards.unlock(shardIndex)
      return nil
    }
    use.digest = shard.pointee.entry(found)._withUnsafeGuaranteedRef { $0.digest }
    return answer(found, of: shard, shardIndex, &use, orElse: &miss)
  }

  /// Counts a hit of a node's entry. The caller holds the lock of the shard.
  @inline(__always)
  private func count(_ node: UnsafeMutablePointer<EntryNode>, _ shard: Int, policy: Int, isWhole: Bool) {
    node.pointee.entry.unsafelyUnwrapped._withUnsafeGuaranteedRef { entry in
      counts.add(
        shard: shard, policy: policy, byteCount: isWhole ? entry.bodyCount : 0, cost: entry.costInMicroseconds)
    }
  }

  /// The response that a node's entry makes with a head.
  @inline(__always)
  private func response(
    _ head: Unmanaged<HeaderStorage>, _ node: UnsafeMutablePointer<EntryNode>
  ) -> CacheResponse {
    head._withUnsafeGuaranteedRef { head in
      node.pointee.entry.unsafelyUnwrapped._withUnsafeGuaranteedRef { entry in
        CacheResponse(
          status: entry.status, fields: HeaderFields(sharing: head), body: Body(entry.body),
          trailers: trailers(of: entry), outcome: .hit)
      }
    }
  }

  /// Few entries have any, and a comparison is cheaper than the call that retains nothing.
  @inline(__always)
  private func trailers(of entry: CacheEntry) -> HeaderFields? {
    entry.hasOptionalParts ? retainedTrailers(of: entry) : nil
  }

  @inline(never)
  private func retainedTrailers(of entry: CacheEntry) -> HeaderFields? { entry.trailers }
}

/// A hit that is counted for hot keys, or recorded.
struct NotedHit {
  /// Retained.
  let entry: Unmanaged<CacheEntry>
  /// For how many hits it stands among the hot keys; 0 if it does not count there.
  let weight: UInt64
}

extension HitPath {
  /// The circumstances of a hit.
  struct Use {
    /// The owner of the heads that will do: the request's policy.
    let owner: UInt32
    let now: CacheInstant
    /// The number of the last invalidation.
    let invalidation: UInt64
    /// Whether the request has a cookie or credentials, so that a lifetime that only the policy gives may not apply.
    var mayBePersonal = false
    /// The number of the request's policy.
    var policy = 0
    /// Whether the client gets the whole content: it wants neither only the head nor a part, nor a comparison with what it has.
    var isWhole = true
    /// The time that the origin took to make the response, in microseconds, if the hit is not counted here.
    var cost: UInt32 = 0
    /// The digest of the key of the response, once it is known: with variants, of the one that is selected.
    var digest = KeyDigest(high: 0, low: 0)
    /// Whether the hit is counted here.
    var isCounted = true
    /// Whether a list of variants is used as one.
    var takesVariants = false
    /// Whether the entry is wanted, too.
    var wantsEntry = false
    /// The entry, if it is wanted, retained.
    var entry: Unmanaged<CacheEntry>?
    /// Set when the hit is to be counted for hot keys, or recorded, and the entry is not wanted.
    var noted: NotedHit?
  }
}
