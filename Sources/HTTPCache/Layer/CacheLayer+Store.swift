//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The response may be stored: everybody whom it is for gets it, as it arrives, and when it is complete it is stored.
  nonisolated func store(
    _ response: CacheResponse, _ storing: StorePlan, _ flight: Flight, _ plan: FetchPlan, _ receipt: Receipt
  ) async {
    let policy = plan.policy.policy
    searchRules.learn(storing.fields, from: plan.request)
    let primary = key(of: plan.request, plan.policy) ?? plan.key
    let index = storing.vary.isEmpty ? nil : await variantIndex(for: primary, adding: storing.vary)
    let leader = flight.leader
    let isStream = response.body.bytes == nil
    if isStream, policy.tags.ambience == .untilBodyBegins { flight.scope.seal() }
    var answer = FlightResponse(
      status: response.status, fields: storing.fields, body: response.body, trailers: response.trailers,
      originStatus: response.status, storing: .stored,
      originDuration: receipt.receivedAt.duration(since: receipt.requestedAt))
    // What is stored lacks the fields that are for the leader's eyes only; the leader gets them.
    let leaderFields = RFC9111.fieldsWithoutHopByHop(response.fields, receivedUnix: receipt.receivedUnix)
    let sharing = Sharing(
      plan: plan, storing: storing, primary: primary, index: index,
      existing: response.status == 206 ? storedParts(plan, at: receipt.receivedAt) : nil,
      scope: flight.scope, isStream: isStream, backend: backend)

    if let refusal = sizeRefusal(response.body.length, policy, flight) {
      answer.storing = .refused(refusal)
      report(.refused(refusal), key: plan.key)
    }
    guard case .stream(let source, let announced) = response.body.storage else {
      await storeWhole(response, answer, leaderFields, leader, sharing, flight)
      return
    }

    // What the head announces is a promise too: a stream that ends before it is incomplete (RFC 9111 §3.3).
    let length =
      announced
      ?? RFC9111.expectedLength(response.fields, status: response.status, method: plan.request.method)
    let isStored = answer.storing == .stored
    let log = BodyLog(
      window: policy.streamWindow, retentionLimit: isStored ? policy.maximumBodySize : nil, clock: clock
    ) { [weak flight] in flight?.bodyAbandoned() }
    var replay: Flight.Replay?
    if isStored {
      let template = answer
      replay = { joining in
        guard sharing.isFor(joining), let reader = log.makeReader() else { return .released(.over) }
        var answer = template
        answer.body = Body(reader, length: length)
        return .response(answer)
      }
    }
    deliver(answer, leaderFields, leader, sharing, flight, replay: replay) {
      log.makeReader().map { Body($0, length: length) } ?? .empty
    }
    guard log.hasReaders || flight.isKept else {
      source.cancel()
      return
    }
    await pump(source, length: length, into: log, plan, flight) { body, trailers in
      sharing.entry(response, body: body, trailers: trailers, cost: answer.originDuration)
    } index: {
      sharing.indexEntry($0)
    } violation: {
      sharing.violation
    }
  }

  /// The response is all there: no log is needed.
  private nonisolated func storeWhole(
    _ response: CacheResponse, _ answer: FlightResponse, _ leaderFields: HeaderFields, _ leader: Flight.WaiterID?,
    _ sharing: Sharing, _ flight: Flight
  ) async {
    func deliver(_ storing: CacheEvent.Storing) {
      var answer = answer
      answer.storing = storing
      let result = FlightResult.response(answer)
      let replay: Flight.Replay = { sharing.isFor($0) ? result : .released(.over) }
      self.deliver(answer, leaderFields, leader, sharing, flight, replay: storing == .stored ? replay : nil) {
        response.body
      }
    }
    guard answer.storing == .stored else { return deliver(answer.storing) }
    guard
      let entry = sharing.entry(
        response, body: response.body.bytes ?? Bytes(), trailers: response.trailers, cost: answer.originDuration)
    else {
      report(.refused(.partial), key: flight.key)
      return deliver(.refused(.partial))
    }
    // In memory, storing takes no time: whoever has been answered finds it there. Elsewhere nobody waits for it.
    switch putNow(entry, index: sharing.indexEntry(entry), sharing.plan, flight) {
    case .stored: deliver(.stored)
    case .refused: deliver(.refused(.tooLarge))
    case .invalidated: deliver(.refused(.invalidated))
    case .unavailable:
      deliver(.stored)
      _ = await put(entry, index: sharing.indexEntry(entry), sharing.plan, flight)
    }
  }

  /// Gives the answer to everybody who waits and whom it is for, each with a body of their own.
  private nonisolated func deliver(
    _ answer: FlightResponse, _ leaderFields: HeaderFields, _ leader: Flight.WaiterID?, _ sharing: Sharing,
    _ flight: Flight, replay: Flight.Replay?, body: () -> Body
  ) {
    var results: [Flight.WaiterID: FlightResult] = [:]
    for (id, plan) in flight.waiting where sharing.isFor(plan) {
      var answer = answer
      if id == leader { answer.fields = leaderFields }
      answer.body = body()
      results[id] = .response(answer)
    }
    let release: FlightResult.Release = sharing.index.map { .variant(sharing.storing.vary, nonce: $0.nonce) } ?? .over
    flight.answered(results, release: release, replay: replay)
  }

  /// Why a body of this length is not stored; nil when it may be, as far as is known.
  private nonisolated func sizeRefusal(_ length: Int?, _ policy: CachePolicy, _ flight: Flight) -> StoreRefusal? {
    if flight.isInvalidated { return .invalidated }
    guard let length else { return nil }
    if length > policy.maximumBodySize { return .tooLarge }
    if length < policy.minimumBodySize { return .tooSmall }
    return nil
  }

  /// Moves the origin's body into the log, and stores it if it arrives complete.
  private nonisolated func pump(
    _ source: any BodySource, length: Int?, into log: BodyLog, _ plan: FetchPlan, _ flight: Flight,
    entry: (Bytes, HeaderFields?) -> CacheEntry?, index: (CacheEntry) -> CacheEntry?,
    violation: () -> CacheTagError?
  ) async {
    do {
      var wasRetaining = log.isRetaining
      while let chunk = try await source.next() {
        // Everybody has gone; a source need not have noticed by itself.
        try Task.checkCancellation()
        let goesOn = await log.append(chunk)
        if wasRetaining, !log.isRetaining {
          wasRetaining = false
          flight.close()
          report(.refused(.tooLarge), key: flight.key)
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
      if log.isRetaining { report(.refused(.truncated), key: flight.key, error: error) }
      log.fail(error)
      return
    }
    let trailers = source.trailers
    guard let body = log.retainedSoFar else {
      log.finish(trailers: trailers)
      return
    }
    guard body.count >= plan.policy.policy.minimumBodySize else {
      report(.refused(.tooSmall), key: flight.key)
      log.finish(trailers: trailers)
      return
    }
    if let error = violation() {
      report(.refused(.tags), key: flight.key, error: error)
      log.finish(trailers: trailers)
      return
    }
    guard let stored = entry(body, trailers) else {
      report(.refused(.partial), key: flight.key)
      log.finish(trailers: trailers)
      return
    }
    let result = putNow(stored, index: index(stored), plan, flight)
    log.finish(trailers: trailers)
    if case .unavailable = result { _ = await put(stored, index: index(stored), plan, flight) }
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
      flight.noteStored()
      report(.stored, key: entry.key, status: entry.status, bodySize: entry.body.count)
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
    var existing: CacheEntry?
    switch backend.peek(key, at: clock.now) {
    case .found(let entry): existing = entry
    case .absent: break
    case .unknown: existing = try? await backend.lookup(key).entry
    }
    return existing?.variantIndex?.adding(selection) ?? VariantIndex(selection)
  }
}
