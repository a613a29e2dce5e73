//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension MemcachedBackend {
  /// Makes entries void or stale, on all nodes, also those that are being made at this moment. Goes on when the caller is
  /// cancelled.
  ///
  /// - Returns: For a single key how many entries it concerned, else nothing: that is not counted.
  /// - Throws: ``CacheError`` when a server could not be reached; the others have done it all the same.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    let start = clock.preciseNow
    defer { times.record(.invalidate, since: start, clock) }
    // In a task of its own, which nobody cancels: half an invalidation would have to be made good by voiding everything.
    return try await Task { try await carryOut(invalidation) }.value
  }

  private func carryOut(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    let moment = clock.unixTime
    let hosts: [MemcachedHostLog]
    switch invalidation.target {
    case .anyTag([]), .allTags([]): return InvalidationReceipt(entryCount: 0)
    case .matching:
      throw CacheError(
        .unsupported,
        "memcached cannot be asked which entries a predicate is true for; use tags or a path prefix")
    case .key(let key): hosts = [logs[MemcachedPlace(key, keys, client).host]]
    case .anyTag, .allTags, .pathPrefix, .everything: hosts = logs
    }
    // On all hosts at once. What went wrong on any of them is thrown when all are done.
    let results = await withTaskGroup(of: Result<Int?, any Error>.self) { group in
      for log in hosts {
        group.addTask {
          let number = log.pending.begin(invalidation, at: moment)
          do {
            let count = try await self.translatingErrors { try await self.tell(invalidation, moment, log) }
            log.pending.told(number)
            return .success(count)
          } catch {
            log.pending.failed(number)
            self.startTelling()
            return .failure(error)
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    return InvalidationReceipt(entryCount: try results.map { try $0.get() }.first ?? nil)
  }

  /// Tells one host.
  ///
  /// - Returns: For a single key how many entries it concerned.
  private func tell(
    _ invalidation: CacheInvalidation, _ moment: UnixTime, _ log: MemcachedHostLog
  ) async throws -> Int? {
    let mode = invalidation.mode
    switch invalidation.target {
    case .key(let key): return try await invalidate(key, mode, moment, log)
    case .anyTag(let tags): _ = try await log.enter(mode, at: moment, in: tags.map { keys.key(.tag, $0) })
    case .allTags(let tags) where tags.count == 1:
      _ = try await log.enter(mode, at: moment, in: tags.map { keys.key(.tag, $0) })
    case .everything: try await log.enter(mode, at: moment, nil)
    case .allTags, .pathPrefix, .matching:
      try await log.enter(mode, at: moment, InvalidationTarget(invalidation.target))
    }
    return nil
  }

  // MARK: One key

  /// How long the mark of a removal is kept in the slot: longer than from a store's look at the invalidations to its write.
  private static let tombstoneExpiration = MemcachedExpiration(lifetime: .seconds(600))!

  private func invalidate(
    _ key: CacheKey, _ mode: CacheInvalidation.Mode, _ moment: UnixTime, _ log: MemcachedHostLog
  ) async throws -> Int {
    let place = MemcachedPlace(key, keys, client)
    func isEntry(_ item: MemcachedItem?) -> Bool { item.map { $0.value.flags != MemcachedFormat.tombstone } ?? false }
    let burial = MarkOperation.Slot.bury(place.slot, Self.tombstoneExpiration)
    // The mark is for responses that are on their way.
    guard mode == .soft else {
      return isEntry(try await log.enter(mode, at: moment, in: [place.bucket], slot: burial).slotItem) ? 1 : 0
    }
    var item = try await log.enter(mode, at: moment, in: [place.bucket], slot: .read(place.slot)).slotItem
    for _ in 0..<8 {
      guard let found = item, isEntry(found) else { return 0 }
      guard let outcome = try await makeStale(found, key, since: moment, in: place) else { break }
      if outcome == .stored { return 1 }
      item = try await client.get([place.slot], from: place.host)[0]
    }
    // Or somebody writes all the time: the stricter way needs no agreement.
    _ = try await log.enter(.hard, at: moment, in: [place.bucket], slot: burial)
    return 1
  }

  /// Puts a stale entry in the place of an entry.
  ///
  /// - Returns: Nil for what cannot be made stale: an index of variants, which would be out of reach without it, and what by
  ///   this node's clock is of the future, or over. By another's it may be neither.
  private func makeStale(
    _ item: MemcachedItem, _ key: CacheKey, since moment: UnixTime, in place: MemcachedPlace
  ) async throws -> MemcachedStoreOutcome? {
    guard let found = try await decode(item, for: key, in: place), found.entry.variantIndex == nil,
      var entry = apply(.stale(since: moment), to: found.entry)
    else { return nil }
    let now = clock.now
    guard let expiration = MemcachedExpiration(lifetime: entry.times.reclaimAt.duration(since: now)) else { return nil }
    // As if received just before it became stale: a node whose clock is behind this one's must not take it for fresh.
    var times = entry.times
    times.receivedAt = max(times.receivedAt, times.freshUntil.advanced(by: .milliseconds(-1)))
    entry = entry.with(times: times)
    let bytes = WireFormat.encode(entry, stamp: found.stamp, now: now, unixNow: clock.unixTime)
    return try await values.store(bytes, for: place.slot, expiration, if: .unchanged(item.unique), at: place.host)
  }

  // MARK: Hosts that cannot be reached

  /// Tries again and again to tell the hosts what they have not been told, whether or not anybody asks them here: other
  /// processes may, and know nothing of it.
  private func startTelling() {
    telling.withLock { task in
      guard task == nil else { return }
      task = Task { [weak self, retryPause] in
        while (try? await Task.sleep(for: retryPause * Double.random(in: 0.75...1.25))) != nil {
          guard let self else { return }
          for log in self.logs { try? await self.tellPending(log) }
          if self.stopTelling() { return }
        }
      }
    }
  }

  private func stopTelling() -> Bool {
    telling.withLock { task in
      guard !logs.contains(where: \.pending.isWaiting) else { return false }
      task = nil
      return true
    }
  }

  /// Tells a host what it has not been told, before anything else is asked of it; one does it, and everybody who asks the host
  /// waits.
  func tellPending(_ log: MemcachedHostLog) async throws {
    guard log.pending.isWaiting else { return }
    let task = tellers.withLock { running in
      if let task = running[log.host] { return task }
      let task = Task {
        defer { tellers.withLock { $0[log.host] = nil } }
        while true {
          let due = log.pending.due
          if due.isEmpty { return }
          for item in due {
            _ = try await tell(item.invalidation, item.moment, log)
            log.pending.told(item.number)
          }
        }
      }
      running[log.host] = task
      return task
    }
    try await task.value
  }
}
