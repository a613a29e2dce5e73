//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Fields of a response by which it is not stored as it comes: what they say has to be acted on first.
  private static let demandingFields =
    KnownHeader.cacheTag.bit | KnownHeader.surrogateKey.bit | KnownHeader.cacheGroups.bit | KnownHeader.vary.bit
    | KnownHeader.noVarySearch.bit

  /// Stores what most origins answer most of the time - something new, all there, nothing unusual about it - where
  /// nobody has to be waited for, and gives it to the one who has asked, without the objects that sharing an answer takes.
  ///
  /// - Returns: False when it is not that simple. Nobody has been told anything then.
  nonisolated func storeAtOnce(
    _ response: CacheResponse, _ flight: Flight, _ plan: FetchPlan, _ requestedAt: CacheInstant
  ) -> Bool {
    guard let memory, let stamp = plan.stamp, plan.isPlainMiss, plan.policy.storesAsIs,
      response.status < 400, response.status != 206, response.status != 304,
      response.fields.presence & Self.demandingFields == 0, let body = response.body.bytes,
      body.count <= plan.policy.policy.maximumBodySize, body.count >= plan.policy.policy.minimumBodySize,
      searchRules.areEmpty, flight.scope.isUntold, !flight.hasBeenReplaced
    else { return false }
    let receipt = Receipt(requestedAt: requestedAt, receivedAt: clock.now, receivedUnix: clock.unixTime)
    guard
      case .store(let storing) = plan.policy.storability(of: response, to: plan.request, receipt: receipt)
    else { return false }
    // The body is all there: what the handler has left running may still say something, and may have this very moment.
    guard flight.scope.closeUntold() else { return false }
    let entry = Sharing.entry(
      of: response, body: body, trailers: response.trailers, key: plan.key, storing: storing, receipt: receipt,
      tags: nil)
    let landing = flight.land {
      memory.storeNow(entry, stamp: stamp)
    } answer: { result in
      .response(
        FlightResponse(
          status: response.status,
          fields: RFC9111.fieldsWithoutHopByHop(response.fields, receivedUnix: receipt.receivedUnix),
          body: response.body, trailers: response.trailers, originStatus: response.status,
          storing: Self.became(result), receipt: receipt))
    }
    guard let landing else { return false }
    _ = noted(landing.stored, entry, flight)
    noteReuse(times: storing.times, traits: storing.traits, flight, plan, at: receipt.receivedAt)
    landing.resumeLeader()
    if landing.isOver { return true }
    // Others have joined meanwhile.
    let sharing = Sharing(
      plan: plan, storing: storing, response: response, receipt: receipt, primary: plan.key, index: nil,
      scope: flight.scope, isStream: false, backend: backend)
    deliver(Self.became(landing.stored), sharing, flight, replay: nil) { response.body }
    return true
  }

  /// What has become of a response whose storing came to `result`.
  private static func became(_ result: CacheStoreResult) -> CacheEvent.Storing {
    switch result {
    case .stored: .stored
    case .invalidated: .refused(.invalidated)
    case .refused, .unavailable: .refused(.tooLarge)
    }
  }

  /// The response may be stored: everybody whom it is for gets it, as it arrives, and when it is complete it is stored.
  nonisolated func store(
    _ response: CacheResponse, _ storing: StorePlan, _ flight: Flight, _ plan: FetchPlan, _ receipt: Receipt
  ) async {
    var (response, storing) = (response, storing)
    if let tag = generatedEntityTag(for: response, plan) {
      response.fields.append(KnownHeader.etag, tag)
      storing.fields.append(KnownHeader.etag, tag)
    }
    searchRules.learn(storing.fields, status: response.status, from: plan.request)
    let primary = searchRules.areEmpty ? plan.key : key(of: plan.request, plan.policy) ?? plan.key
    var index = storing.vary.isEmpty ? nil : await variantIndex(for: primary, adding: storing.vary)
    var isIndexNew = true
    if index == nil, plan.isAmongVariants, let existing = await variantIndex(of: primary),
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
    let sharing = Sharing(
      plan: plan, storing: storing, response: response, receipt: receipt, primary: primary, index: index,
      isIndexNew: isIndexNew, existing: response.status == 206 ? storedParts(plan, at: receipt.receivedAt) : nil,
      scope: flight.scope, isStream: isStream, backend: backend)
    var became: CacheEvent.Storing = .stored
    // What the head announces is a promise too: a stream that ends before it is incomplete (RFC 9111 §3.3).
    let length =
      response.body.length
      ?? RFC9111.expectedLength(response.fields, status: response.status, method: plan.request.method)
    // Whether the store takes what is all there, it says itself.
    let isTooLarge = isStream && (length ?? 0) > memory?.maximumWeight ?? .max
    if let refusal = (isTooLarge ? .tooLarge : nil) ?? sizeRefusal(length, plan, flight)
      ?? admissionRefusal(sharing, at: receipt.receivedAt)
    {
      became = .refused(refusal)
      report(.refused(refusal), key: plan.key)
      await removeOutdated(plan)
      await removeSuperseded(by: response.status, refusal, flight, plan, at: receipt.receivedAt)
    }
    guard case .stream(let source, _) = response.body.storage else {
      await storeWhole(became, sharing, flight)
      return
    }

    let isStored = became == .stored
    // What several read is kept as far as what is stored, so that none of them is held up by a slower one.
    let isRetained = isStored || became != .refused(.tooLarge) && flight.waiting.count > 1
    let log = BodyLog(
      window: plan.policy.policy.streamWindow, retentionLimit: isRetained ? plan.policy.policy.maximumBodySize : nil,
      clock: clock
    ) { [weak flight] in flight?.bodyAbandoned() }
    var replay: Flight.Replay?
    if isStored {
      replay = { [clock] joining in
        sharing.result(for: joining, at: clock.now) { log.makeReader().map { Body($0, length: length) } }
      }
    }
    deliver(became, sharing, flight, replay: replay, log: log) {
      log.makeReader().map { Body($0, length: length) } ?? .empty
    }
    guard log.hasReaders || log.isKept || flight.isWanted else {
      source.cancel()
      return
    }
    await pump(source, length: length, into: log, flight, sharing, isStored: isStored)
  }

  /// The strong entity tag of a body that is all there and whose handler has given no validator, if the policy wants one.
  private nonisolated func generatedEntityTag(for response: CacheResponse, _ plan: FetchPlan) -> String? {
    guard plan.policy.policy.generatesEntityTags, let body = response.body.bytes else { return nil }
    return EntityTag.generated(for: body, status: response.status, fields: response.fields)
  }

  /// The response is all there: no log is needed.
  private nonisolated func storeWhole(
    _ became: CacheEvent.Storing, _ sharing: Sharing, _ flight: Flight
  ) async {
    func deliver(_ became: CacheEvent.Storing, replay: Flight.Replay? = nil) {
      self.deliver(became, sharing, flight, replay: replay) { sharing.response.body }
    }
    guard became == .stored else { return deliver(became) }
    guard let entry = sharing.entry(body: sharing.response.body.bytes ?? Bytes(), trailers: sharing.response.trailers),
      await mayPut(entry)
    else {
      report(.refused(.partial), key: flight.key)
      return deliver(.refused(.partial))
    }
    // In memory, storing takes no time: whoever has been answered finds it there, and so does whoever comes from now on.
    // Elsewhere nobody waits for it, and who comes meanwhile is answered from here.
    switch putNow(entry, index: sharing.indexEntry(entry), sharing.plan, flight) {
    case .stored: deliver(.stored)
    // Without a stamp the store was not even asked: it had not answered before.
    case .refused: deliver(.refused(sharing.plan.stamp == nil ? .backend : .tooLarge))
    case .invalidated: deliver(.refused(.invalidated))
    case .unavailable:
      deliver(.stored) { [clock] joining in
        sharing.result(for: joining, at: clock.now) { sharing.response.body }
      }
      _ = await put(entry, index: sharing.indexEntry(entry), sharing.plan, flight)
    }
  }

  /// Gives the answer to everybody who waits and whom it is for, each with a body of their own.
  private nonisolated func deliver(
    _ became: CacheEvent.Storing, _ sharing: Sharing, _ flight: Flight, replay: Flight.Replay?, log: BodyLog? = nil,
    body: () -> Body
  ) {
    let leader = flight.leader
    let now = clock.now
    noteReuse(times: sharing.storing.times, traits: sharing.storing.traits, flight, sharing.plan, at: now)
    var results = Flight.Results()
    // Who shares a body that is not kept is held up by the slowest of its readers. Where that is known before anybody has
    // read, each goes for one of its own.
    let isForLeaderOnly = log != nil && became == .refused(.tooLarge)
    if isForLeaderOnly { noteUncacheable(sharing.response.status, flight, sharing.plan, at: now) }
    for (id, plan) in flight.waiting {
      if id != leader, isForLeaderOnly {
        results.append((id, .released(.uncacheable)))
      } else if id != leader, let release = sharing.refusal(for: plan, at: now) {
        results.append((id, .released(release)))
      } else {
        results.append((id, .response(sharing.answer(isLeader: id == leader, body: body(), became))))
      }
    }
    flight.answered(results, release: .over, replay: replay, body: log)
  }

  /// Why a body of this length is not stored; nil when it may be, as far as is known.
  private nonisolated func sizeRefusal(_ length: Int?, _ plan: FetchPlan, _ flight: Flight) -> StoreRefusal? {
    if flight.isInvalidated { return .invalidated }
    guard let length else { return nil }
    if length > plan.policy.policy.maximumBodySize { return .tooLarge }
    if length < plan.policy.policy.minimumBodySize { return .tooSmall }
    return nil
  }

  /// Moves the origin's body into the log, and stores it if it arrives complete.
  private nonisolated func pump(
    _ source: any BodySource, length: Int?, into log: BodyLog, _ flight: Flight, _ sharing: Sharing, isStored: Bool
  ) async {
    let plan = sharing.plan
    do {
      var wasRetaining = log.isRetaining
      while let chunk = try await source.next() {
        // Everybody has gone; a source need not have noticed by itself.
        try Task.checkCancellation()
        let goesOn = await log.append(chunk)
        if wasRetaining, !log.isRetaining {
          wasRetaining = false
          flight.close()
          noteUncacheable(sharing.response.status, flight, plan, at: clock.now)
          if isStored { report(.refused(.tooLarge), key: flight.key) }
          await removeSuperseded(by: sharing.response.status, .tooLarge, flight, plan, at: clock.now)
        }
        if let length, log.totalByteCount > length {
          throw BodyError.truncated(expected: length, received: log.totalByteCount)
        }
        guard goesOn else {
          source.cancel()
          log.fail(BodyError.cancelled)
          return
        }
      }
      if let length, log.totalByteCount != length {
        throw BodyError.truncated(expected: length, received: log.totalByteCount)
      }
    } catch {
      source.cancel()
      if isStored, log.isRetaining { report(.refused(.truncated), key: flight.key, error: error) }
      log.fail(error)
      return
    }
    let trailers = source.trailers
    guard isStored, let body = log.retainedSoFar else {
      log.finish(trailers: trailers)
      return
    }
    guard body.count >= plan.policy.policy.minimumBodySize else {
      report(.refused(.tooSmall), key: flight.key)
      log.finish(trailers: trailers)
      return
    }
    if isSuperseded(flight, plan, requestedAt: sharing.receipt.requestedAt) {
      report(.refused(.superseded), key: flight.key)
      log.finish(trailers: trailers)
      return
    }
    if let error = sharing.violation {
      report(.refused(.tags), key: flight.key, error: error)
      log.finish(trailers: trailers)
      return
    }
    guard let stored = sharing.entry(body: body, trailers: trailers), await mayPut(stored) else {
      report(.refused(.partial), key: flight.key)
      log.finish(trailers: trailers)
      return
    }
    let result = putNow(stored, index: sharing.indexEntry(stored), plan, flight)
    log.finish(trailers: trailers)
    if case .unavailable = result { _ = await put(stored, index: sharing.indexEntry(stored), plan, flight) }
  }

  // MARK: The backend

  /// Stores without waiting, unless what is stored has been invalidated meanwhile.
  private nonisolated func putNow(
    _ entry: CacheEntry, index: CacheEntry?, _ plan: FetchPlan, _ flight: Flight
  ) -> CacheStoreResult {
    // What cannot be compared with the store's invalidations cannot be stored: the store did not answer before.
    guard let stamp = plan.stamp else {
      report(.refused(.backend), key: entry.key)
      return .refused
    }
    let result = flight.unlessInvalidated {
      if let index {
        let result = backend.storeNow(index, stamp: stamp)
        guard result == .stored else { return result }
      }
      return backend.storeNow(entry, stamp: stamp)
    }
    return noted(result ?? .invalidated, entry, flight)
  }

  /// Stores, waiting for the backend if need be.
  ///
  /// - Returns: Whether it is stored.
  nonisolated func put(_ entry: CacheEntry, index: CacheEntry?, _ plan: FetchPlan, _ flight: Flight) async -> Bool {
    let result = putNow(entry, index: index, plan, flight)
    guard result == .unavailable, let stamp = plan.stamp else { return result == .stored }
    do {
      if let index {
        let result = try await backend.store(index, stamp: stamp)
        guard result == .stored else { return noted(result, entry, flight) == .stored }
      }
      let result = try await backend.store(entry, stamp: stamp)
      if result == .stored { flight.noteStored() }
      // An invalidation that came while it was being stored may have been ahead of it.
      if result == .stored, flight.isInvalidated {
        try await backend.removeEntry(for: entry.key)
        return noted(.invalidated, entry, flight) == .stored
      }
      return noted(result, entry, flight) == .stored
    } catch {
      report(.backendFailed, key: entry.key, error: error)
      report(.refused(.backend), key: entry.key)
      return false
    }
  }

  /// Tells the flight and the observers what has become of an attempt to store.
  private nonisolated func noted(
    _ result: CacheStoreResult, _ entry: CacheEntry, _ flight: Flight
  ) -> CacheStoreResult {
    switch result {
    case .stored:
      if observers.interests.isEmpty {
        counters.count(.stored, stripe: entry.digest.low)
      } else {
        report(.stored, key: entry.key, tags: entry.tags?.names, status: entry.status, bodySize: entry.body.count)
      }
    case .refused: report(.refused(.tooLarge), key: entry.key, bodySize: entry.body.count)
    case .invalidated: report(.refused(.invalidated), key: entry.key)
    case .unavailable: break
    }
    return result
  }

  /// The parts of a representation that are stored, and fresh, for the request of `plan`.
  private nonisolated func storedParts(_ plan: FetchPlan, at now: CacheInstant) -> PartialContent? {
    guard case .found(let entry) = peek(plan.key, for: plan.request, at: now), entry.traits.contains(.partial),
      now < entry.times.freshUntil
    else { return nil }
    return PartialContent(entryFields: entry.fields, body: entry.body)
  }

  /// The index of the variants of `key`, with `selection` as the latest.
  private nonisolated func variantIndex(for key: CacheKey, adding selection: VarySelection) async -> VariantIndex {
    await variantIndex(of: key)?.adding(selection) ?? VariantIndex(selection)
  }

  /// The index of the variants of `key`; nil when there is none.
  nonisolated func variantIndex(of key: CacheKey) async -> VariantIndex? { await storedEntry(key)?.variantIndex }

  /// The entry under `key`; nil when there is none, or the store cannot say.
  nonisolated func storedEntry(_ key: CacheKey) async -> CacheEntry? {
    switch backend.peek(key, at: clock.now) {
    case .found(let entry): entry
    case .absent: nil
    case .unknown: try? await backend.lookup(key).entry
    }
  }

  /// Whether `entry` may take the place of what is stored: parts do not, where a whole response is still good.
  private nonisolated func mayPut(_ entry: CacheEntry) async -> Bool {
    guard entry.traits.contains(.partial), let stored = await storedEntry(entry.key) else { return true }
    return stored.traits.contains(.partial)
      || !RFC9111.isServable(times: stored.times, traits: stored.traits, now: clock.now)
  }
}
