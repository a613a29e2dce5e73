//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The stored response after a 304, or a 200 to HEAD, has brought new fields for it (RFC 9111 §3.2, §4.3.4, §4.3.5).
extension CacheFill {
  /// The origin confirmed what is stored (RFC 9111 §4.3.3, §4.3.4).
  func update(_ stored: CacheEntry) async {
    let fields = RFC9111.freshened(stored.fields, with: response.fields)
    // A tag that the origin does not name again may still be one: rather too many than too few.
    flight.scope.add(stored.tags?.names ?? [])
    let tags = flight.scope.tags
    func answer(with entry: CacheEntry, _ storing: CacheEvent.Storing) -> FlightResponse {
      FlightResponse(
        entry, outcome: .revalidated, leaderFields: RFC9111.setCookies(of: response.fields), originStatus: 304,
        storing: storing, exchange: exchange)
    }
    let leaderFields = RFC9111.answeredFields(fields, receivedUnix: exchange.receivedUnix)
    let updated = CacheResponse(status: stored.status, fields: fields)
    let storability = plan.policy.storability(of: updated, to: plan.request, exchange: exchange)
    guard case .store(let storing) = storability, violation == nil else {
      // The response may not be stored any longer. It is still the answer to the request that has been sent, and only to
      // that one, with all that the 304 says.
      let refusal = storability.refusal ?? .tags
      cache.report(.refused(refusal), key: plan.key, error: violation)
      await forbid(stored, because: refusal, updated)
      let entry = stored.with(
        fields: leaderFields, times: RFC9111.timesOfUnstored(fields, exchange: exchange), traits: stored.traits,
        tags: tags)
      self.answer(answer(with: entry, .refused(refusal)), isShared: false, key: stored.key, tags: tags)
      return
    }
    let renewal = await renewal(of: stored, as: storing, tags: tags)
    // A slow confirmation of what has been replaced meanwhile is for its own request only.
    let isReplaced =
      if case .found(let current) = cache.backend.peek(stored.key, at: exchange.receivedAt) {
        current.variantIndex == nil && !current.isSame(as: stored) && current.times.receivedAt >= exchange.requestedAt
      } else {
        false
      }
    var became = CacheEvent.Storing.none
    if !isReplaced, await put(renewal) { became = .stored }
    let entry = renewal.entry
    // Fields that are not stored are for the client whose request has brought them.
    let leaderEntry =
      leaderFields == entry.fields
      ? entry : entry.with(fields: leaderFields, times: entry.times, traits: entry.traits, tags: tags)
    self.answer(
      answer(with: entry, became), leader: answer(with: leaderEntry, became), vary: storing.vary, key: entry.key,
      tags: tags)
  }

  /// Gives one answer to the request that the origin has answered, and to all who wait and could have its entry without
  /// validation. The others go to the origin themselves: it may have confirmed what this one user had.
  ///
  /// - Parameters:
  ///   - answer: The answer to those who have joined.
  ///   - leaderAnswer: The answer to the request that the origin has answered, if that is another.
  ///   - isShared: Whether others may have it. A response that may not be stored is not for others either.
  ///   - vary: The fields in which the others must agree with that request (RFC 9111 §4.1).
  func answer(
    _ answer: FlightResponse, leader leaderAnswer: FlightResponse? = nil, isShared: Bool = true,
    vary: VarySelection = .none, key: CacheKey, tags: CacheTags?
  ) {
    let now = cache.clock.now
    guard let entry = answer.source?.entry else { return }
    if isShared { noteReuse(times: entry.times, traits: entry.traits, at: now) }
    let selection = RFC9111.selection(vary, in: plan.request.fields)
    deliver { other, isLeader in
      if !isLeader {
        guard isShared, other.mayReuse(entry, at: now),
          vary.isEmpty || RFC9111.selection(vary, in: other.request.fields) == selection
        else { return .needsValidation }
      }
      guard plan.mayShare(with: other, key: key, tags: tags, cache.backend) else { return .ended }
      return .response(isLeader ? leaderAnswer ?? answer : answer)
    }
  }

  // MARK: The updated entry

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
  func renewal(of stored: CacheEntry, as storing: StorePlan, tags: CacheTags?) async -> Renewal {
    func entry(_ key: CacheKey) -> CacheEntry {
      var fields = storing.fields
      if stored.status != 204, RFC9111.contentLength(of: fields) != stored.body.count {
        fields[.contentLength] = String(stored.body.count)
      }
      return stored.with(key: key, fields: fields, times: storing.times, traits: storing.traits, tags: tags)
    }
    let former = (try? RFC9111.varySelection(of: stored.fields, limit: .max).get()) ?? .none
    guard !storing.vary.names.allSatisfy(former.names.contains) else {
      return Renewal(entry: entry(stored.key), index: nil, formerKey: nil)
    }
    // The names in the stored `Vary` may be fewer than those that select: earlier updates may have left some out.
    let existing = await cache.variantIndex(of: plan.key)
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
  @discardableResult
  func put(_ renewal: Renewal) async -> Bool {
    let isStored = await put(renewal.entry, index: renewal.index)
    // Requests that differ in a field that selects from now on would find it there.
    if let key = renewal.formerKey { await cache.remove(key) }
    return isStored
  }

  /// Removes a stored response, or has it validated before its next use, after a 304 that forbids to store it.
  ///
  /// The 304 may be meant for one user (RFC 9111 §3.5), or be what somebody has demanded who wants others to lose the
  /// response: only the cache's own request, or one that the response could not have been used for, removes it. A 304 for a
  /// request with `Authorization` that would let others use what was stored for them changes nothing. Otherwise, what was
  /// stored for them stays until the cache has asked in nobody's name.
  private func forbid(_ stored: CacheEntry, because refusal: StoreRefusal, _ updated: CacheResponse) async {
    let now = exchange.receivedAt
    if refusal == .authorization, !stored.traits.contains(.authorized), permitsOthers(updated) { return }
    let isForUser =
      refusal == .authorization || refusal == .isPrivate && FetchPlan.hasCredentials(plan.request.fields)
    if refusal.isForRequest, !isForUser { return }
    let isClients = !flight.isRefresh && RFC9111.isServable(times: stored.times, traits: stored.traits, now: now)
    if isForUser, isClients, !stored.traits.contains(.authorized) {
      // It was made for those without credentials: a request of theirs, the cache's own, decides.
      flight.leaveDoubt()
    } else if isForUser || isClients {
      await put(stored.doubted(since: now))
    } else {
      await cache.remove(stored.key)
    }
  }

  /// Whether `updated`, which is not to be stored because of the `Authorization` of its request, could be stored and used if
  /// others had asked: then it takes nothing back from a stored response that was made for those.
  private func permitsOthers(_ updated: CacheResponse) -> Bool {
    var request = plan.request
    request.fields.removeAll(.authorization)
    guard case .store(let storing) = plan.policy.storability(of: updated, to: request, exchange: exchange) else {
      return false
    }
    return RFC9111.mayReuse(
      times: storing.times, traits: storing.traits, directives: .none, now: exchange.receivedAt,
      rules: plan.policy.rules
    )
  }

  /// Updates the stored response to GET by a response to HEAD, or makes it stale (RFC 9111 §4.3.5).
  func updateFromHead() async {
    guard case .found(let entry) = await cache.lookup(plan.key, for: plan.request, at: exchange.receivedAt).0,
      entry.status == 200, !(entry.traits.contains(.policyLifetime) && plan.directives.isPersonal)
    else { return }
    // What is stale may be so because it was said to be: a length alone confirms nothing then.
    if entry.times.freshUntil <= exchange.receivedAt, !response.fields.contains(KnownHeader.etag),
      !response.fields.contains(KnownHeader.lastModified)
    {
      return
    }
    flight.scope.add(entry.tags?.names ?? [])
    guard violation == nil,
      case .freshen(let fields) = RFC9111.headUpdate(
        of: entry.fields, storedLength: entry.body.count, by: response),
      case .store(let storing) = plan.policy.storability(
        of: CacheResponse(status: 200, fields: fields), to: plan.request.as(.get), exchange: exchange)
    else {
      // As for GET: anybody can ask in a way that is answered with another head.
      if RFC9111.supersedes(
        status: 200, refusal: .status, times: entry.times, traits: entry.traits,
        cause: .client(hasCredentials: FetchPlan.hasCredentials(plan.request.fields)), now: exchange.receivedAt)
      {
        await cache.remove(entry.key)
      }
      return
    }
    await put(await renewal(of: entry, as: storing, tags: flight.scope.tags))
  }
}
