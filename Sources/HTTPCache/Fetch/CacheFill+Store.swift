//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheFill {
  /// Fields of a response by which it is not stored as it comes: what they say has to be acted on first.
  private static let demandingFields =
    KnownHeader.cacheTag.bit | KnownHeader.surrogateKey.bit | KnownHeader.cacheGroups.bit | KnownHeader.vary.bit
    | KnownHeader.noVarySearch.bit

  /// Stores what most origins answer most of the time - something new, all there, nothing to be acted on first - where nobody
  /// has to be waited for, and gives it to the one who has asked, without the objects that sharing an answer takes.
  ///
  /// - Returns: False when it is not that simple, or the response is not to be stored. Nobody has been told anything then.
  func storeAtOnce() -> Bool {
    guard let memory = cache.memory, let stamp = plan.stamp, plan.isPlainMiss, plan.policy.storesAsIs,
      response.fields.presence & Self.demandingFields == 0, let body = response.body.bytes, response.status != 206,
      cache.searchRules.areEmpty, flight.scope.isEmpty, !flight.hasBeenReplaced,
      case .store(let storing) = decision(), sizeRefusal(body.count) == nil,
      // The body is all there: what the handler has left running may still say something, and may have this very moment.
      flight.scope.closeIfEmpty()
    else { return false }
    let entry = CacheEntry(
      status: response.status, body: body, trailers: response.trailers, key: plan.key, storing: storing,
      exchange: exchange, tags: nil)
    let result = flight.storeForLeader {
      memory.storeNow(entry, stamp: stamp)
    } outcome: { result in
      .response(answer(Self.storing(result)))
    }
    guard let result else { return false }
    _ = noted(result.stored, entry)
    noteReuse(times: storing.times, traits: storing.traits, at: exchange.receivedAt)
    result.resumeLeader()
    if !result.isOver {
      // Others have joined meanwhile.
      share(SharedResponse(self, storing, primary: plan.key), Self.storing(result.stored)) { response.body }
    }
    return true
  }

  /// The fate of a response whose storing came to `result`, for events.
  private static func storing(_ result: CacheStoreResult) -> CacheEvent.Storing {
    switch result {
    case .stored: .stored
    case .invalidated: .refused(.invalidated)
    case .refused, .unavailable: .refused(.tooLarge)
    }
  }

  /// The response may be stored: everybody whom it is for gets it, as it arrives, and when it is complete it is stored.
  func store(_ storing: StorePlan) async {
    var (fill, storing) = (self, storing)
    fill.addEntityTag(to: &storing)
    await fill.storeTagged(storing)
  }

  /// Adds the strong entity tag of a body that is all there and whose handler has given no validator, if the policy wants one.
  private mutating func addEntityTag(to storing: inout StorePlan) {
    guard plan.policy.policy.generatesEntityTags, let body = response.body.bytes,
      let tag = EntityTag.generated(for: body, status: response.status, fields: response.fields)
    else { return }
    response.fields.append(KnownHeader.etag, tag)
    storing.fields.append(KnownHeader.etag, tag)
  }

  private func storeTagged(_ plainStoring: StorePlan) async {
    var storing = plainStoring
    cache.searchRules.learn(storing.fields, status: response.status, from: plan.request)
    let primary = cache.searchRules.areEmpty ? plan.key : cache.key(of: plan.request, plan.policy) ?? plan.key
    var index: VariantIndex?
    var isIndexNew = true
    if !storing.vary.isEmpty {
      index = await cache.variantIndex(of: primary)?.adding(storing.vary) ?? VariantIndex(storing.vary)
    } else if plan.isAmongVariants, let existing = await cache.variantIndex(of: primary),
      let latest = existing.selections.first
    {
      // Errors and redirections often lack the `Vary` of their resource. Stored for all they would take the place of all
      // variants, at the will of whoever causes one. When the variants have had their time, so has the index.
      storing.vary = latest
      index = existing
      isIndexNew = false
    }
    let isStream = response.body.bytes == nil
    if isStream, plan.policy.policy.tags.ambience == .untilBodyBegins { flight.scope.seal() }
    let shared = SharedResponse(
      self, storing, primary: primary, index: index, isIndexNew: isIndexNew,
      existing: response.status == 206 ? storedParts() : nil)
    // What the head announces is a promise too: a stream that ends before it is incomplete (RFC 9111 §3.3).
    let length =
      response.body.length
      ?? RFC9111.expectedLength(response.fields, status: response.status, method: plan.request.method)
    // Whether the store takes what is all there, it says itself.
    let isTooLarge = isStream && (length ?? 0) > cache.memory?.maximumWeight ?? .max
    let refusal =
      isTooLarge ? .tooLarge : flight.isInvalidated ? .invalidated : sizeRefusal(length) ?? admissionRefusal(shared)
    if let refusal {
      cache.report(.refused(refusal), key: plan.key)
      await removeOutdated()
      await removeSuperseded(refusal, at: exchange.receivedAt)
    }
    if case .stream(let source, _) = response.body.storage {
      await stream(source, length: length, shared, refusal)
    } else if let refusal {
      share(shared, .refused(refusal)) { response.body }
    } else {
      await storeWhole(shared)
    }
  }

  /// Why a response that could be stored under a new key is not, by the policy's limits of new ones; nil when it is.
  private func admissionRefusal(_ shared: SharedResponse) -> StoreRefusal? {
    guard let filter = plan.policy.admission, plan.stored == nil, plan.partial == nil else { return nil }
    return filter.refusal(of: shared.key, primary: shared.primary, at: exchange.receivedAt)
  }

  /// The parts of a representation that are stored, and fresh.
  private func storedParts() -> PartialContent? {
    let now = exchange.receivedAt
    guard case .found(let entry) = cache.peek(plan.key, for: plan.request, at: now), entry.traits.contains(.partial),
      now < entry.times.freshUntil
    else { return nil }
    return PartialContent(entryFields: entry.fields, body: entry.body)
  }

  /// The response is all there: no log is needed.
  private func storeWhole(_ shared: SharedResponse) async {
    guard let entry = shared.entry(body: response.body.bytes ?? Bytes(), trailers: response.trailers),
      await mayPut(entry)
    else {
      cache.report(.refused(.partial), key: flight.key)
      return share(shared, .refused(.partial)) { response.body }
    }
    // In memory, storing takes no time: whoever has been answered finds it there, and so does whoever comes from now on.
    // Elsewhere nobody waits for it, and who comes meanwhile is answered from here.
    let result = putNow(entry, index: shared.indexEntry(entry))
    guard result == .unavailable else {
      // Without a stamp the store was not even asked: it had not answered before.
      return share(shared, plan.stamp == nil ? .refused(.backend) : Self.storing(result)) { response.body }
    }
    let (clock, body) = (cache.clock, response.body)
    share(shared, .stored, replay: { shared.outcome(for: $0, at: clock.now) { body } }, body: { body })
    _ = await put(entry, index: shared.indexEntry(entry))
  }

  /// Gives the answer to everybody who waits and whom it is for, each with a body of their own.
  func share(
    _ shared: SharedResponse, _ became: CacheEvent.Storing, replay: Flight.Replay? = nil, log: BodyLog? = nil,
    body: () -> Body
  ) {
    let now = cache.clock.now
    noteReuse(times: shared.storing.times, traits: shared.storing.traits, at: now)
    // Who shares a body that is not kept is held up by the slowest of its readers. Where that is known before anybody has
    // read, each goes for one of its own.
    let isForLeaderOnly = log != nil && became == .refused(.tooLarge)
    if isForLeaderOnly { noteUncacheable(at: now) }
    deliver(replay: replay, body: log) { plan, isLeader in
      if !isLeader {
        if isForLeaderOnly { return .uncacheable }
        if let refusal = shared.refusal(for: plan, at: now) { return refusal }
      }
      return .response(shared.answer(isLeader: isLeader, body: body(), became))
    }
  }

  // MARK: Streams

  /// The body is on its way: everybody reads what is there, and the rest as it comes.
  private func stream(
    _ source: any BodySource, length: Int?, _ shared: SharedResponse, _ refusal: StoreRefusal?
  ) async {
    // What several read is kept as far as what is stored, so that none of them is held up by a slower one.
    let isRetained = refusal == nil || refusal != .tooLarge && flight.waiting.count > 1
    let clock = cache.clock
    let log = BodyLog(
      window: plan.policy.policy.streamWindow, retentionLimit: isRetained ? plan.policy.policy.maximumBodySize : nil,
      clock: clock
    ) { [weak flight] in flight?.bodyAbandoned() }
    @Sendable func body() -> Body? { log.makeReader().map { Body($0, length: length) } }
    var replay: Flight.Replay?
    if refusal == nil { replay = { shared.outcome(for: $0, at: clock.now, body: body) } }
    share(shared, refusal.map { .refused($0) } ?? .stored, replay: replay, log: log) { body() ?? .empty }
    guard log.hasReaders || log.isKept || flight.isWanted else {
      source.cancel()
      return
    }
    guard await pump(source, length: length, into: log, isStored: refusal == nil) else { return }
    let trailers = source.trailers
    guard refusal == nil, let body = log.retainedSoFar else {
      log.finish(trailers: trailers)
      return
    }
    if let (refusal, error) = completionRefusal(body) {
      cache.report(.refused(refusal), key: flight.key, error: error)
      log.finish(trailers: trailers)
      return
    }
    guard let entry = shared.entry(body: body, trailers: trailers), await mayPut(entry) else {
      cache.report(.refused(.partial), key: flight.key)
      log.finish(trailers: trailers)
      return
    }
    let result = putNow(entry, index: shared.indexEntry(entry))
    log.finish(trailers: trailers)
    if result == .unavailable { _ = await put(entry, index: shared.indexEntry(entry)) }
  }

  /// Why a body that has come as a stream is not stored now that it is all there; nil when it is.
  private func completionRefusal(_ body: Bytes) -> (StoreRefusal, CacheTagError?)? {
    if let refusal = sizeRefusal(body.count) { return (refusal, nil) }
    if isSuperseded() { return (.superseded, nil) }
    return violation.map { (.tags, $0) }
  }

  /// Moves the origin's body into the log.
  ///
  /// - Returns: Whether all of it has come, and is wanted.
  private func pump(_ source: any BodySource, length: Int?, into log: BodyLog, isStored: Bool) async -> Bool {
    do {
      var wasRetaining = log.isRetaining
      while let chunk = try await source.next() {
        // Everybody has gone; a source need not have noticed by itself.
        try Task.checkCancellation()
        let goesOn = await log.append(chunk)
        if wasRetaining, !log.isRetaining {
          wasRetaining = false
          flight.close()
          noteUncacheable(at: cache.clock.now)
          if isStored { cache.report(.refused(.tooLarge), key: flight.key) }
          await removeSuperseded(.tooLarge, at: cache.clock.now)
        }
        if let length, log.totalByteCount > length {
          throw BodyError.truncated(expected: length, received: log.totalByteCount)
        }
        guard goesOn else {
          source.cancel()
          log.fail(BodyError.cancelled)
          return false
        }
      }
      if let length, log.totalByteCount != length {
        throw BodyError.truncated(expected: length, received: log.totalByteCount)
      }
      return true
    } catch {
      source.cancel()
      if isStored, log.isRetaining { cache.report(.refused(.truncated), key: flight.key, error: error) }
      log.fail(error)
      return false
    }
  }
}
