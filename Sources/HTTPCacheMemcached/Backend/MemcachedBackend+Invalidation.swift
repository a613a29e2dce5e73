//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache
import Synchronization

extension MemcachedBackend {
  /// Makes entries void or stale, on all nodes, also those that are being made at this moment. Goes on when the caller is
  /// cancelled.
  ///
  /// - Returns: For a single key how many entries it concerned, else nothing: that is not counted.
  /// - Throws: ``CacheError`` when a server could not be reached; the others have done it all the same.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    // In a task of its own, which nobody cancels: half an invalidation would have to be made good by voiding everything.
    try await Task { try await carryOut(invalidation) }.value
  }

  private func carryOut(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    let (mode, moment) = (invalidation.mode, clock.unixTime)
    switch invalidation.target {
    case .key(let key):
      return InvalidationReceipt(entryCount: try await invalidate(key, mode, moment))
    case .anyTag(let tags):
      guard !tags.isEmpty else { return InvalidationReceipt(entryCount: 0) }
      try await invalidateTags(tags, mode, moment)
    case .allTags(let tags) where tags.count < 2:
      guard !tags.isEmpty else { return InvalidationReceipt(entryCount: 0) }
      try await invalidateTags(tags, mode, moment)
    case .allTags(let tags):
      try await addRule(.allTags(tags), mode, moment)
    case .pathPrefix(let prefix):
      try await addRule(.pathPrefix(prefix), mode, moment)
    case .everything:
      try await onAllHosts { log in
        let number = try await log.next()
        try await log.changeLedger { $0.add(number, mode, at: moment) }
      }
    case .matching:
      throw CacheError(
        .unsupported,
        "memcached cannot be asked which entries a predicate is true for; use tags or a path prefix")
    }
    return InvalidationReceipt()
  }

  private func invalidateTags(_ tags: [String], _ mode: CacheInvalidation.Mode, _ moment: UnixTime) async throws {
    let marks = tags.map { keys.key(.tag, $0) }
    try await onAllHosts { log in
      let number = try await log.next()
      for mark in marks { try await log.raise(mark, number, mode, at: moment) }
    }
  }

  private func addRule(
    _ subject: InvalidationLedger.Subject, _ mode: CacheInvalidation.Mode, _ moment: UnixTime
  ) async throws {
    try await onAllHosts { log in
      let number = try await log.next()
      let rule = InvalidationLedger.Rule(number: number, mode: mode, moment: moment, subject: subject)
      try await log.changeLedger { ledger in
        // One that is too long to be read with every lookup stands for everything.
        if InvalidationLedger(hard: number).text.utf8.count + rule.byteCount > InvalidationLedger.byteLimit {
          ledger.add(number, .hard, at: moment)
        } else {
          ledger.add(rule)
        }
      }
    }
  }

  // MARK: One key

  /// How long the mark of a removal is kept in the slot: longer than from a store's look at the invalidations to its write.
  private static let tombstoneLifetime = Duration.seconds(600)

  private func invalidate(
    _ key: CacheKey, _ mode: CacheInvalidation.Mode, _ moment: UnixTime
  ) async throws -> Int {
    let place = MemcachedPlace(key, keys, client)
    return try await reaching(place.host) {
      let log = logs[place.host]
      let number = try await log.next()
      // For responses that are on their way. Then what is there: another node's store may come in between, and either
      // finds the mark or is found here.
      try await log.raise(place.bucket, number, mode, at: moment)
      for _ in 0..<8 {
        let item = try await client.get([place.slot], from: place.host)[0]
        let isEntry = item.map { $0.value.flags != MemcachedFormat.tombstone } ?? false
        if mode == .soft, let item {
          guard isEntry, let found = try await decode(item, for: key) else { return 0 }
          // An index is no response that could be stale: without it, its variants are out of reach.
          if found.entry.variantIndex == nil {
            if try await makeStale(found, since: moment, in: place, over: item) { return 1 }
            continue
          }
        } else if mode == .soft {
          return 0
        }
        try await bury(place, number)
        return isEntry ? 1 : 0
      }
      // Somebody writes all the time: the stricter way needs no agreement.
      try await bury(place, number)
      return 1
    }
  }

  /// Leaves a mark in the slot, so that nobody who has seen it empty or with the entry can write.
  private func bury(_ place: MemcachedPlace, _ number: UInt64) async throws {
    guard let expiration = MemcachedExpiration(lifetime: Self.tombstoneLifetime) else { return }
    let mark = MemcachedValue(bytes: Bytes(String(number)), flags: MemcachedFormat.tombstone)
    let outcome = try await client.set(place.slot, mark, expiration, at: place.host)
    guard outcome == .stored else {
      try await client.delete(place.slot, at: place.host)
      throw MemcachedError(.refused, host: client.hostName(place.host), "has no memory left")
    }
  }

  private func makeStale(
    _ found: WireFormat.Decoded, since moment: UnixTime, in place: MemcachedPlace, over item: MemcachedItem
  ) async throws -> Bool {
    let now = clock.now
    guard let entry = apply(.stale(since: moment), to: found.entry),
      let expiration = MemcachedExpiration(lifetime: entry.times.reclaimAt.duration(since: now))
    else { return true }
    let bytes = WireFormat.encode(entry, stamp: found.stamp, now: now, unixNow: clock.unixTime)
    let outcome = try await values.store(
      bytes, for: place.slot, expiration, if: .unchanged(item.unique), at: place.host)
    return outcome == .stored
  }

  // MARK: Hosts that cannot be reached

  /// Does the same on all hosts at once, and throws what went wrong on any of them when all are done.
  private func onAllHosts(_ body: @escaping @Sendable (MemcachedHostLog) async throws -> Void) async throws {
    let error = await withTaskGroup(of: (any Error)?.self) { group in
      for log in logs {
        group.addTask {
          do {
            try await self.reaching(log.host) { try await body(log) }
            return nil
          } catch {
            return error
          }
        }
      }
      return await group.reduce(nil) { $0 ?? $1 }
    }
    if let error { throw error }
  }

  /// Notes when an invalidation may not have reached its host.
  private func reaching<Value>(_ host: Int, _ body: () async throws -> Value) async throws -> Value {
    do {
      return try await translatingErrors(body)
    } catch {
      unreached.withLock { hosts in
        hosts[host, default: 0] += 1
        isUnreached.store(true, ordering: .releasing)
      }
      startSettling()
      throw error
    }
  }

  /// Tries again and again to settle with the hosts that an invalidation has not reached, whether or not anybody asks them
  /// here: other processes may, and know nothing of it.
  private func startSettling() {
    settling.withLock { task in
      guard task == nil else { return }
      task = Task { [weak self, retryPause] in
        while (try? await Task.sleep(for: retryPause * Double.random(in: 0.75...1.25))) != nil {
          guard let self else { return }
          for log in self.logs { try? await self.settle(log.host) }
          if self.stopSettling() { return }
        }
      }
    }
  }

  private func stopSettling() -> Bool {
    settling.withLock { task in
      guard !isUnreached.load(ordering: .acquiring) else { return false }
      task = nil
      return true
    }
  }

  /// Voids what a host has that an invalidation did not reach, before anything else is asked of it. Until that is done
  /// everybody who asks the host waits for it; one does it.
  func settle(_ host: Int) async throws {
    // Again when another invalidation has failed meanwhile, which this may have been too early for.
    guard isUnreached.load(ordering: .acquiring) else { return }
    let check = patience(with: host)
    while unreached.withLock({ $0[host] }) != nil {
      try check()
      let settlement = settlements.withLock { running in
        if let task = running[host] { return task }
        let task = Task {
          defer { settlements.withLock { $0[host] = nil } }
          try await settleAlone(host)
        }
        running[host] = task
        return task
      }
      try await settlement.value
    }
  }

  private func settleAlone(_ host: Int) async throws {
    guard let failures = unreached.withLock({ $0[host] }) else { return }
    let log = logs[host]
    let number = try await log.next()
    try await log.changeLedger { $0.add(number, .hard, at: clock.unixTime) }
    unreached.withLock { hosts in
      // Not when another has failed meanwhile.
      if hosts[host] == failures { hosts[host] = nil }
      if hosts.isEmpty { isUnreached.store(false, ordering: .releasing) }
    }
  }
}

extension InvalidationLedger.Rule {
  /// About what it takes in a ledger, in bytes.
  fileprivate var byteCount: Int {
    switch subject {
    case .allTags(let tags): tags.reduce(64) { $0 + $1.utf8.count + 8 }
    case .pathPrefix(let prefix): prefix.utf8.count + 64
    }
  }
}
