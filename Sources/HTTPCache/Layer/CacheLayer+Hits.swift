//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CRequestSampling

/// The path of a hit. It is synchronous, and allocates nothing but the head of the first hit in every second.
extension CacheLayer {
  /// The answer to `request` if it is in memory and may be used without asking anybody; nil when ``call(_:next:)`` has to
  /// find one.
  ///
  /// For servers with an event loop, which can so answer a hit on the thread that has read the request, before there is any
  /// task. It does all that `call` does for a hit; when it returns nil nothing has been counted or reported.
  @inlinable
  public nonisolated func immediateResponse(to request: CacheRequest) -> CacheResponse? {
    var miss: Unmanaged<CacheMiss>?
    let response = storedResponse(to: request, orElse: &miss)
    miss?.release()
    return response
  }

  /// The stored response to `request`, if there is one that may be used without asking anybody; else nil.
  ///
  /// - Parameter miss: Set to what has been found out, retained, if there is no such response; left nil where that is no more
  ///   than that the plain hit path has nothing. Unmanaged, for a hit would pay for the release of what it does not have.
  @usableFromInline
  nonisolated func storedResponse(to request: CacheRequest, orElse miss: inout Unmanaged<CacheMiss>?) -> CacheResponse?
  {
    if http_cache_is_sampled(UInt32(Self.hitSamplingShift)) {
      return timedResponse(to: request, weight: 1 << Self.hitSamplingShift, orElse: &miss)
    }
    if timesHits { return timedResponse(to: request, weight: 0, orElse: &miss) }
    return usableResponse(to: request, since: nil, orElse: &miss)
  }

  /// One hit in 2^7 is timed, and stands for all of them: reading a clock twice takes as long as a hit.
  static let hitSamplingShift = 7

  /// The same with the time that it takes.
  ///
  /// - Parameter weight: For how many hits this one stands in metrics.
  @inline(never)
  private nonisolated func timedResponse(
    to request: CacheRequest, weight: UInt, orElse miss: inout Unmanaged<CacheMiss>?
  ) -> CacheResponse? {
    let start = clock.preciseNow
    let response = usableResponse(to: request, since: timesHits ? start : nil, orElse: &miss)
    if weight > 0, let outcome = response?.outcome { counters.time(outcome, since: start, clock, weight: weight) }
    return response
  }

  @inline(__always)
  private nonisolated func usableResponse(
    to request: CacheRequest, since startedAt: CacheInstant?, orElse miss: inout Unmanaged<CacheMiss>?
  ) -> CacheResponse? {
    guard let path = plainHitPath, request.method.rawValue == "GET", request.body.isEmpty, searchRules.areEmpty,
      request.fields.presence & HitPath.specialFields == 0,
      // Inside another cache's handler the tags of what is served go to its response.
      TagScope.ambient == nil, let scheme = CacheKey.Scheme(usual: request.scheme)
    else { return closerLook(at: request, orElse: &miss) }
    let now = clock.fastNow
    var plainMiss = HitPath.Miss.absent
    if let response = path.pointee.hit(request, scheme, owner: path.pointee.owner, at: now, orElse: &plainMiss) {
      return response
    }
    return response(to: request, insteadOf: plainMiss, since: startedAt, at: now, orElse: &miss)
  }

  /// When no hit was found at once, or one that is to be noted.
  @inline(never)
  private nonisolated func response(
    to request: CacheRequest, insteadOf plainMiss: HitPath.Miss, since startedAt: CacheInstant?, at now: CacheInstant,
    orElse miss: inout Unmanaged<CacheMiss>?
  ) -> CacheResponse? {
    switch plainMiss {
    case .absent: return nil
    case .noted(let node, let isChosen):
      guard let path = plainHitPath else { return nil }
      let (response, noted) = path.pointee.notedHit(node, isChosen: isChosen, at: now)
      note(noted, request, path.pointee.policy, status: response.status, since: startedAt, at: now)
      return response
    case .unclear, .variants: return closerLook(at: request, orElse: &miss)
    case .entry(let entry):
      let entry = entry.takeRetainedValue()
      if entry.traits.contains(.variantIndex) {
        // Fields of the connection select nothing, and are removed by the closer look.
        if request.fields.presence & ConnectionFields.known == 0, let path = plainHitPath {
          var noted: NotedHit?
          if let response = path.pointee.variantHit(
            listedBy: entry, request.fields, owner: path.pointee.owner, at: now, noted: &noted)
          {
            if let noted {
              note(noted, request, path.pointee.policy, status: response.status, since: startedAt, at: now)
            }
            return response
          }
        }
        return closerLook(at: request, orElse: &miss)
      }
      return usableResponse(
        from: .found(entry), to: Self.withoutConnectionFields(request), router.fallback, key: nil,
        at: now, orElse: &miss)
    }
  }

  /// The same for any request and any store.
  @inline(never)
  private nonisolated func closerLook(
    at request: CacheRequest, orElse miss: inout Unmanaged<CacheMiss>?
  ) -> CacheResponse? {
    if identifiesRequests, router.policy(for: request)?.identifiesRequests == true {
      let request = RequestID.identified(request)
      var response = endToEndLook(at: Self.withoutConnectionFields(request), orElse: &miss)
      response?.fields.append(RequestID.field, request.fields[RequestID.field] ?? "")
      return response
    }
    if request.fields.presence & ConnectionFields.known != 0 {
      return endToEndLook(at: Self.withoutConnectionFields(request), orElse: &miss)
    }
    return endToEndLook(at: request, orElse: &miss)
  }

  /// The same for a request without fields of its connection.
  private nonisolated func endToEndLook(
    at request: CacheRequest, orElse miss: inout Unmanaged<CacheMiss>?
  ) -> CacheResponse? {
    func missed(
      _ policy: ResolvedPolicy?, bypass: CacheOutcome.BypassReason? = nil, lookup: Lookup? = nil
    ) -> CacheResponse? {
      miss = .passRetained(CacheMiss(bypass == nil ? request : nil, policy, bypass: bypass, lookup: lookup))
      return nil
    }
    guard let policy = router.policy(for: request) else { return missed(nil, bypass: .policy) }
    guard admits(request, policy) else {
      let isMethod = !policy.policy.methods.includes(request.method) || !request.method.isReadable
      return missed(policy, bypass: isMethod ? .method : .policy)
    }
    if let hitPath, request.fields.presence & HitPath.demandingFields == 0, TagScope.ambient == nil {
      let startedAt = timesHits ? clock.preciseNow : nil
      let now = clock.fastNow
      let isObserved = observers.interests.contains(.hits)
      var use = HitPath.Use(
        owner: policy.headOwner, now: now, invalidation: hitPath.pointee.currentInvalidation,
        mayBePersonal: request.fields.presence & HitPath.personalFields != 0,
        policy: policy.number,
        isWhole: request.method == .get && request.fields.presence & Self.conditionalMask == 0,
        isCounted: refresher == nil && !isObserved, takesVariants: true, wantsEntry: isObserved)
      var plainMiss = HitPath.Miss.absent
      if var response = hitPath.pointee.admittedHit(request, policy, searchRules, &use, orElse: &plainMiss) {
        let entry = use.entry?.takeRetainedValue()
        // Becoming hot needs the handler.
        if let refresher, refresher.noteRequest(use.digest, at: now) {
          use.noted?.entry.release()
          return missed(policy)
        }
        if let noted = use.noted {
          note(noted, request, policy, status: response.status, since: startedAt, at: now)
        }
        adapt(&response, to: request)
        if let entry {
          report(
            .answered(.hit), key: entry.key, entry: entry, request: request, policy: policy,
            tags: entry.tags?.names, status: response.status, bodySize: response.body.length,
            age: entry.times.age(at: now), cost: use.cost)
        } else if !use.isCounted {
          counters.countAnswer(
            .hit, policy: policy.number, byteCount: response.body.length ?? 0, cost: use.cost, stripe: use.digest.low)
        } else if !use.isWhole, let byteCount = response.body.length, byteCount > 0 {
          counters.addBytes(byteCount, to: .hit, policy: policy.number, stripe: use.digest.low)
        }
        return response
      }
      switch plainMiss {
      case .absent: return missed(policy, lookup: .absent)
      case .entry(let entry):
        return usableResponse(
          from: .found(entry.takeRetainedValue()), to: request, policy, key: nil, at: now, orElse: &miss)
      case .unclear, .variants, .noted: break
      }
    }
    guard let key = key(of: request, policy) else { return missed(policy, bypass: .noKey) }
    let now = clock.now
    return usableResponse(from: peek(key, at: now), to: request, policy, key: key, at: now, orElse: &miss)
  }

  /// The response that what was found under the primary key is to `request`; nil if it will not do.
  @inline(never)
  private nonisolated func usableResponse(
    from primary: Lookup, to request: CacheRequest, _ policy: ResolvedPolicy, key: CacheKey?, at now: CacheInstant,
    orElse miss: inout Unmanaged<CacheMiss>?
  ) -> CacheResponse? {
    let lookup = selected(primary, for: request, at: now)
    if case .found(let entry) = lookup, let response = usableResponse(from: entry, to: request, policy, at: now) {
      return response
    }
    // Other stores are asked again, for they have to say how current they are.
    miss = .passRetained(CacheMiss(request, policy, key: key, lookup: memory == nil ? nil : lookup))
    return nil
  }

  /// The response that `entry` is to `request`; nil if it will not do.
  private nonisolated func usableResponse(
    from entry: CacheEntry, to request: CacheRequest, _ policy: ResolvedPolicy, at now: CacheInstant
  ) -> CacheResponse? {
    let outcome: CacheOutcome
    switch RFC9111.verdict(
      times: entry.times, traits: entry.traits, directives: directives(of: request, policy), now: now,
      rules: policy.rules)
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
      return partialResponse(from: entry, to: request, outcome: outcome, now: now, policy: policy)
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
  private nonisolated func admits(_ request: CacheRequest, _ policy: ResolvedPolicy) -> Bool {
    guard policy.policy.methods.includes(request.method), request.method == .get || request.method == .head,
      request.body.isEmpty
    else { return false }
    return policy.policy.shouldCache?(request) ?? true
  }

  /// The key that the response to `request` is stored under.
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
}
