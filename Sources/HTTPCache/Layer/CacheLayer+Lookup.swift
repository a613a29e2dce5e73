//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// What is stored for a request.
  enum Lookup {
    /// This.
    case found(CacheEntry)
    /// Other variants only (or none yet of a resource that is known to vary).
    case otherVariant(VariantIndex)
    /// Nothing.
    case absent
    /// Finding out means waiting.
    case unknown
  }

  /// The stored response to `request`, if there is one that may be used without asking anybody; else nil.
  ///
  /// The path of a hit. It is synchronous, and allocates nothing but the head of the first hit in every second.
  @usableFromInline
  nonisolated func storedResponse(to request: CacheRequest) -> CacheResponse? {
    guard let path = plainHitPath, request.method.rawValue == "GET", request.body.isEmpty, searchRules.areEmpty,
      request.fields.presence & HitPath.specialFields == 0,
      // Inside another cache's handler the tags of what is served go to its response.
      TagScope.ambient == nil, let scheme = CacheKey.Scheme(usual: request.scheme)
    else { return closerLook(at: request) }
    let now = clock.fastNow
    var miss = PlainMiss.absent
    if let response = path.pointee.hit(request, scheme, owner: path.pointee.owner, at: now, orElse: &miss) {
      return response
    }
    return response(to: request, insteadOf: miss, at: now)
  }

  /// When no hit was found at once.
  @inline(never)
  private nonisolated func response(
    to request: CacheRequest, insteadOf miss: PlainMiss, at now: CacheInstant
  ) -> CacheResponse? {
    switch miss {
    case .absent: return nil
    case .unclear, .variants: return closerLook(at: request)
    case .entry(let entry):
      let entry = entry.takeRetainedValue()
      // One of its variants is found by the octets of the request, perhaps.
      if entry.traits.contains(.variantIndex) { return closerLook(at: request) }
      guard let hitPath else { return nil }
      return response(from: entry, to: Self.withoutConnectionFields(request), hitPath.pointee.policy, at: now)
    }
  }

  /// The same for any request and any store.
  @inline(never)
  private nonisolated func closerLook(at request: CacheRequest) -> CacheResponse? {
    if request.fields.presence & ConnectionFields.known != 0 {
      return endToEndLook(at: Self.withoutConnectionFields(request))
    }
    return endToEndLook(at: request)
  }

  /// The same for a request without fields of its connection.
  private nonisolated func endToEndLook(at request: CacheRequest) -> CacheResponse? {
    guard let policy = router.policy(for: request), admits(request, policy) else { return nil }
    if let hitPath, request.fields.presence & HitPath.demandingFields == 0, TagScope.ambient == nil {
      let now = clock.fastNow
      let isObserved = observers.interests.contains(.hits)
      var use = HitPath.Use(
        owner: policy.headOwner, now: now, invalidation: hitPath.pointee.currentInvalidation,
        mayBePersonal: request.fields.presence & HitPath.personalFields != 0,
        isCounted: refresher == nil && !isObserved, takesVariants: true, wantsEntry: isObserved)
      var miss = PlainMiss.absent
      if var response = hitPath.pointee.admittedHit(request, policy, searchRules, &use, orElse: &miss) {
        let entry = use.entry?.takeRetainedValue()
        // Becoming hot needs the handler.
        if let refresher, refresher.noteRequest(use.digest, at: now) { return nil }
        adapt(&response, to: request)
        if let entry {
          report(
            .answered(.hit), key: entry.key, request: request, policy: policy, tags: entry.tags?.names,
            status: response.status, bodySize: response.body.length, age: entry.times.age(at: now))
        } else if refresher != nil {
          counters.countHit(stripe: use.digest.low)
        }
        return response
      }
      switch miss {
      case .absent: return nil
      case .entry(let entry): return response(from: entry.takeRetainedValue(), to: request, policy, at: now)
      case .unclear, .variants: break
      }
    }
    guard let key = key(of: request, policy) else { return nil }
    let now = clock.now
    guard case .found(let entry) = backend.peek(key, at: now) else { return nil }
    return response(from: entry, to: request, policy, at: now)
  }

  /// The response that `entry`, found under the primary key, is to `request`; nil if it will not do.
  @inline(never)
  private nonisolated func response(
    from found: CacheEntry, to request: CacheRequest, _ policy: ResolvedPolicy, at now: CacheInstant
  ) -> CacheResponse? {
    var entry = found
    if let index = found.variantIndex {
      guard case .found(let variant) = peekVariant(index, listedBy: found, for: request, at: now) else { return nil }
      entry = variant
    }
    let directives = directives(of: request, policy)
    let outcome: CacheOutcome
    switch RFC9111.verdict(
      times: entry.times, traits: entry.traits, directives: directives, now: now, rules: policy.rules)
    {
    case .serve:
      // Becoming hot, and refreshing early, need the handler.
      if isNewlyHot(entry, at: now) || isEarlyRefreshPossible(entry, policy, at: now) { return nil }
      outcome = .hit
    case .serveAndRefresh where entry.refreshGate.isClaimed || isResting(entry, at: now):
      outcome = .hit
    case .serveStaleAndRevalidate where entry.refreshGate.isClaimed:
      outcome = .stale(.whileRevalidating)
    case .serveStaleAndRevalidate where isResting(entry, at: now):
      outcome = .stale(.retryPending)
    case .serveStale(let reason):
      outcome = .stale(reason)
    default:
      return nil
    }
    guard !entry.traits.contains(.partial) else {
      return partialResponse(from: entry, to: request, outcome: outcome, now: now)
    }
    return response(from: entry, to: request, outcome: outcome, now: now, policy: policy)
  }

  /// The request without the fields of its connection (RFC 9110 §7.6.1).
  ///
  /// Removed before the key is made and the variant chosen: a field that the origin will not see must not select among its
  /// responses (RFC 9111 §4.1).
  static func withoutConnectionFields(_ request: CacheRequest) -> CacheRequest {
    guard request.fields.presence & ConnectionFields.known != 0 else { return request }
    var request = request
    request.fields = ConnectionFields.removed(from: request.fields)
    return request
  }

  /// Whether the request is the cache's business at all.
  @inline(__always)
  nonisolated func admits(_ request: CacheRequest, _ policy: ResolvedPolicy) -> Bool {
    guard policy.policy.methods.includes(request.method), request.method == .get || request.method == .head,
      request.body.isEmpty
    else { return false }
    return policy.policy.shouldCache?(request) ?? true
  }

  /// What the response to `request` is stored under.
  @inline(__always)
  nonisolated func key(of request: CacheRequest, _ policy: ResolvedPolicy) -> CacheKey? {
    policy.key(of: request, searchRules)
  }

  /// The client's demands on the cache, as far as the policy follows them, and whether the request is one user's own.
  @inline(__always)
  nonisolated func directives(of request: CacheRequest, _ policy: ResolvedPolicy) -> RequestDirectives {
    RequestDirectives.isAbsent(in: request.fields.presence) && request.fields.presence & HitPath.personalFields == 0
      ? .none : policy.directives(of: request.fields)
  }

  /// Looks without waiting.
  @inline(__always)
  nonisolated func peek(_ key: CacheKey, for request: CacheRequest, at now: CacheInstant) -> Lookup {
    switch backend.peek(key, at: now) {
    case .found(let entry):
      guard let index = entry.variantIndex else { return .found(entry) }
      return peekVariant(index, listedBy: entry, for: request, at: now)
    case .absent: return .absent
    case .unknown: return .unknown
    }
  }

  private nonisolated func peekVariant(
    _ index: VariantIndex, listedBy list: CacheEntry, for request: CacheRequest, at now: CacheInstant
  ) -> Lookup {
    for (position, selection) in index.selections.enumerated() {
      switch backend.peek(index.key(of: selection, primary: list.key, fields: request.fields), at: now) {
      case .found(let entry):
        if position == 0 { memory?.remember(entry, listedBy: list, for: request.fields) }
        return .found(entry)
      case .absent: continue
      case .unknown: return .unknown
      }
    }
    return .otherVariant(index)
  }

  /// The same as ``lookup(_:for:at:)`` for a backend that never has to be waited for.
  nonisolated func lookupNow(
    _ key: CacheKey, for request: CacheRequest, at now: CacheInstant
  ) -> (Lookup, InvalidationStamp?) {
    (peek(key, for: request, at: now), backend.stampNow)
  }

  /// Looks, and waits for the backend if need be. A backend that fails is one that has nothing.
  ///
  /// - Returns: What is stored, and the number of the store's last invalidation before the handler is asked; nil when the
  ///   store could not say. What cannot be compared with invalidations is not stored.
  nonisolated func lookup(
    _ key: CacheKey, for request: CacheRequest, at now: CacheInstant
  ) async -> (Lookup, InvalidationStamp?) {
    let peeked = peek(key, for: request, at: now)
    var isKnown = true
    if case .unknown = peeked { isKnown = false }
    if isKnown, let stamp = backend.stampNow { return (peeked, stamp) }
    do {
      if case .found(let entry) = peeked {
        // What is at hand will not do as it is. A store that is asked for its stamp may know of something newer, or that
        // there is nothing any more.
        let found = try await backend.lookup(entry.key)
        guard let current = found.entry else { return (.absent, found.stamp) }
        if let index = current.variantIndex { return (.otherVariant(index), found.stamp) }
        return (current.isSame(as: entry) ? peeked : .found(current), found.stamp)
      }
      if isKnown { return (peeked, try await backend.lookup(key).stamp) }
      // The variant that was probably meant is looked up in the same go. Whether it is that, the list says that comes with it.
      let expected = knownVariants.variant(of: key, for: request.fields)
      let all =
        if let expected { try await backend.lookup(all: [key, expected]) } else { [try await backend.lookup(key)] }
      guard let found = all.first else { return (.absent, nil) }
      let index = found.entry?.variantIndex
      if index != nil || expected != nil {
        knownVariants.note(index, weight: found.entry?.weight ?? 0, for: key)
      }
      guard let entry = found.entry else { return (.absent, found.stamp) }
      guard let index else { return (.found(entry), found.stamp) }
      for selection in index.selections {
        let variant = index.key(of: selection, primary: key, fields: request.fields)
        let stored = variant == expected && all.count == 2 ? all[1].entry : try await backend.lookup(variant).entry
        if let stored { return (.found(stored), found.stamp) }
      }
      return (.otherVariant(index), found.stamp)
    } catch {
      report(.backendFailed, key: key, error: error)
      return (isKnown ? peeked : .absent, nil)
    }
  }
}
