//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The stored response after a 304, or a 200 to HEAD, has brought new fields for it (RFC 9111 §3.2, §4.3.4, §4.3.5).
extension CacheLayer {
  /// A stored response with new fields, and where it is stored from now on.
  struct Renewal {
    let entry: CacheEntry
    /// The index that leads to the entry, if the update has made the response vary, or vary by more.
    let index: CacheEntry?
    /// The key that the entry has had so far, if it has another now and is not replaced there.
    let formerKey: CacheKey?
  }

  /// Returns `stored` as `storing` says, under the key that its `Vary` asks for (RFC 9111 §4.1).
  ///
  /// A field that the update adds to `Vary` counts from now on, with the value of the request that caused the update: for
  /// this value the origin has confirmed the response. A field that the update leaves out goes on to count, for the
  /// response was once selected by it.
  nonisolated func renewal(
    of stored: CacheEntry, as storing: StorePlan, _ plan: FetchPlan, tags: CacheTags?
  ) async -> Renewal {
    func entry(_ key: CacheKey) -> CacheEntry {
      var fields = storing.fields
      if stored.status != 204, RFC9111.contentLength(of: fields) != stored.body.count {
        fields[.contentLength] = String(stored.body.count)
      }
      return CacheEntry(
        key: key, status: stored.status, fields: fields, body: stored.body, trailers: stored.trailers,
        times: storing.times, traits: storing.traits, cost: stored.cost, tags: tags)
    }
    let former = (try? RFC9111.varySelection(of: stored.fields, limit: .max).get()) ?? .none
    guard !storing.vary.names.allSatisfy(former.names.contains) else {
      return Renewal(entry: entry(stored.key), index: nil, formerKey: nil)
    }
    // The names in the stored `Vary` may be fewer than those that select: earlier updates may have left some out.
    let existing = await variantIndex(of: plan.key)
    var selecting = VarySelection.none
    if stored.key != plan.key {
      selecting =
        existing?.selections.first {
          existing?.key(of: $0, primary: plan.key, fields: plan.request.fields) == stored.key
        } ?? former
    }
    let selection = VarySelection(selecting.names + storing.vary.names)
    let index = existing?.adding(selection) ?? VariantIndex(selection)
    let renewed = entry(index.key(of: selection, primary: plan.key, fields: plan.request.fields))
    return Renewal(
      entry: renewed, index: CacheEntry(key: plan.key, variantIndex: index, times: renewed.times),
      formerKey: stored.key == plan.key || stored.key == renewed.key ? nil : stored.key)
  }

  /// Stores an updated response, and removes it from where it was.
  ///
  /// - Returns: Whether it is stored.
  nonisolated func put(_ renewal: Renewal, _ plan: FetchPlan, _ flight: Flight) async -> Bool {
    let isStored = await put(renewal.entry, index: renewal.index, plan, flight)
    // Requests that differ in a field that selects from now on would find it there.
    if let key = renewal.formerKey { await remove(key) }
    return isStored
  }

  /// Removes a stored response, or has it validated before its next use, after a 304 that forbids to store it.
  ///
  /// The 304 may be meant for one user (RFC 9111 §3.5), or be what somebody has demanded who wants others to lose the
  /// response: only the cache's own request, or one that the response could not have been used for, removes it. A 304 for a
  /// request with `Authorization` that would let others use what was stored for them changes nothing. Otherwise, what was
  /// stored for them stays until the cache has asked in nobody's name.
  nonisolated func forbid(
    _ stored: CacheEntry, because refusal: StoreRefusal, _ updated: CacheResponse, _ plan: FetchPlan, _ flight: Flight,
    _ receipt: Receipt
  ) async {
    let now = receipt.receivedAt
    if refusal == .authorization, !stored.traits.contains(.authorized), permitsOthers(updated, plan, receipt) { return }
    let isForUser =
      refusal == .authorization || refusal == .isPrivate && FetchPlan.hasCredentials(plan.request.fields)
    if refusal.isForRequest, !isForUser { return }
    let isClients = !flight.isRefresh && RFC9111.isServable(times: stored.times, traits: stored.traits, now: now)
    if isForUser, isClients, !stored.traits.contains(.authorized) {
      // It was made for those without credentials: a request of theirs, the cache's own, decides.
      flight.leaveDoubt()
    } else if isForUser || isClients {
      _ = await put(stored.doubted(since: now), index: nil, plan, flight)
    } else {
      await remove(stored.key)
    }
  }

  /// Whether `updated`, which is not to be stored because of the `Authorization` of its request, could be stored and used if
  /// others had asked: then it takes nothing back from a stored response that was made for those.
  private nonisolated func permitsOthers(
    _ updated: CacheResponse, _ plan: FetchPlan, _ receipt: Receipt
  ) -> Bool {
    var request = plan.request
    request.fields.removeAll(.authorization)
    guard case .store(let storing) = plan.policy.storability(of: updated, to: request, receipt: receipt) else {
      return false
    }
    return RFC9111.mayReuse(
      times: storing.times, traits: storing.traits, directives: .none, now: receipt.receivedAt, rules: plan.policy.rules
    )
  }

  /// Removes a response that the origin has said to be outdated, unless it has been replaced.
  nonisolated func removeOutdated(_ plan: FetchPlan) async {
    guard let outdated = plan.outdated else { return }
    if let found = await storedEntry(outdated.key), found.variantIndex == nil, found.isSame(as: outdated) {
      await remove(outdated.key)
    }
  }

  /// Returns the response to a client that has caused an update which may not be stored, with all fields of the update, also
  /// those that are for this client only.
  nonisolated func unstoredEntry(
    _ stored: CacheEntry, fields: HeaderFields, receipt: Receipt, tags: CacheTags?
  ) -> CacheEntry {
    let times = RFC9111.timesOfUnstored(fields, receipt: receipt)
    return CacheEntry(
      key: stored.key, status: stored.status,
      fields: RFC9111.answeredFields(fields, receivedUnix: receipt.receivedUnix),
      body: stored.body, trailers: stored.trailers, times: times, traits: stored.traits, cost: stored.cost, tags: tags)
  }
}

extension CacheEntry {
  /// The same response, stale since `moment`: it is to be validated before anybody gets it, unless the origin fails and the
  /// response allows it to be served then.
  func doubted(since moment: CacheInstant) -> CacheEntry {
    var times = times.stale(since: moment)
    times.staleWhileRevalidateUntil = min(times.staleWhileRevalidateUntil, times.freshUntil)
    return CacheEntry(
      key: key, status: status, fields: fields, body: body, trailers: trailers, times: times,
      traits: traits.union(.mustRevalidate), cost: cost, tags: tags)
  }
}
