//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

extension MultiTierBackend {
  /// Finds an entry in the near tier, else in the far one.
  ///
  /// - Throws: When neither tier can be asked.
  public func lookup(_ key: CacheKey) async throws -> CacheLookup { try await lookup(all: [key])[0] }

  /// Finds several entries. The far tier is asked once, for all that the near tier does not have.
  ///
  /// - Throws: When neither tier can be asked.
  public func lookup(all keys: [CacheKey]) async throws -> [CacheLookup] {
    let now = configuration.clock.now
    var finds: [NearFind] = []
    for key in keys { finds.append(await lookNear(key, at: now)) }
    let missing = finds.filter { $0.result == nil }.map(\.key)
    var answers = missing.isEmpty ? [] : await far.lookup(all: missing, at: now)[...]
    var found: [CacheLookup] = []
    for find in finds {
      if let result = find.result {
        found.append(result)
      } else {
        found.append(try await conclude(find, answers.removeFirst(), at: now, attempts: 4))
      }
    }
    return found
  }

  /// Looks into the near tier, and among what waits to be written.
  private func lookNear(_ key: CacheKey, at now: CacheInstant) async -> NearFind {
    // All taken before the tiers are asked: what changes in between is then noticed when a copy is made.
    let doubts = doubts.load(ordering: .acquiring)
    let sequence = stripe(key).withLock { $0 }
    let invalidations = writes.withLock { $0.invalidations.count }
    let (copy, stamp, error) = await askNear(key, at: now)
    var find = NearFind(
      key: key, copy: copy, stamp: stamp, error: error, doubts: doubts, sequence: sequence, invalidations: invalidations
    )
    if let copy, now < copy.times.freshUntil, isUsable(copy, at: now) {
      reporter.report(.nearHit, key)
      find.result = CacheLookup(entry: copy, stamp: join(stamp, farStampSoFar))
      return find
    }
    // Newer than what the far tier has. As a copy is, it is used for a while before the far tier has to be asked.
    let write = writes.withLock { $0.latest(key) }
    find.isBeingWritten = write != nil
    find.waiting = write?.servable(at: now, for: configuration.nearTimeToLive)
    // For what is made in place of a stale response, the far tier's stamp from before an invalidation would be too old.
    if let waiting = find.waiting, now < waiting.times.freshUntil || isFarStampCurrent(invalidations) {
      reporter.report(.farHit, key)
      find.result = CacheLookup(entry: copy ?? waiting, stamp: join(stamp, farStampSoFar))
    }
    return find
  }

  /// Decides between what the near tier has and what the far one has answered.
  ///
  /// - Parameter attempts: How often the tiers are asked at most where entries are being written all the time.
  private func conclude(
    _ find: NearFind, _ answer: Result<CacheLookup, any Error>, at now: CacheInstant, attempts: Int
  ) async throws -> CacheLookup {
    let (key, copy, nearStamp) = (find.key, find.copy, find.stamp)
    let found: CacheLookup
    do {
      found = try answer.get()
    } catch {
      try Task.checkCancellation()
      let limit = configuration.nearTimeToLive + configuration.nearGrace
      if let waiting = stillWaiting(key, at: now, for: limit) {
        reporter.report(.usedUnconfirmed, key)
        return CacheLookup(entry: copy ?? waiting, stamp: join(nearStamp, farStampSoFar))
      }
      if let nearError = find.error { throw nearError }
      guard let copy, isTolerable(copy, at: now) else {
        reporter.report(.miss, key)
        return CacheLookup(entry: nil, stamp: join(nearStamp, farStampSoFar))
      }
      reporter.report(.usedUnconfirmed, key)
      return CacheLookup(entry: copy, stamp: join(nearStamp, farStampSoFar))
    }
    lastFarStamp.withLock { $0 = (found.stamp, find.invalidations) }
    let stamp = join(nearStamp, found.stamp)
    if find.isBeingWritten {
      guard let write = writes.withLock({ $0.latest(key) }) else {
        // It has been written, or given up, while the far tier was asked, which may have answered before.
        guard attempts > 1 else { return CacheLookup(entry: nil, stamp: stamp) }
        let next = await lookNear(key, at: now)
        if let result = next.result { return result }
        return try await conclude(next, await far.lookup(all: [key], at: now)[0], at: now, attempts: attempts - 1)
      }
      // What the far tier has is older than what is on its way there, which another node may have invalidated there meanwhile,
      // unless nobody has invalidated anything.
      let limit = write.stamp == found.stamp ? nil : configuration.nearTimeToLive
      return CacheLookup(entry: write.servable(at: now, for: limit).map { copy ?? $0 }, stamp: stamp)
    }
    guard let entry = found.entry, now < entry.times.reclaimAt else {
      reporter.report(.miss, key)
      // What is being made in place of the copy must not fall with it.
      return CacheLookup(entry: nil, stamp: copy == nil ? stamp : join(await contradicted(key), found.stamp))
    }
    reporter.report(.farHit, key)
    if let copy {
      if copy.isSame(as: entry) {
        confirm(copy, at: now, doubts: find.doubts)
        reporter.report(.confirmed, key)
        return CacheLookup(entry: copy, stamp: stamp)
      }
      guard fitsNear(entry) else {
        return CacheLookup(entry: entry, stamp: join(await contradicted(key), found.stamp))
      }
      // What has been worth a copy is worth its successor.
      reporter.report(.contradicted, key)
    } else if find.error != nil || !promotes(entry, at: now) {
      return CacheLookup(entry: entry, stamp: stamp)
    }
    let promoted = await promote(entry, nearStamp, ifStill: find.sequence, at: now, doubts: find.doubts)
    return CacheLookup(entry: promoted, stamp: stamp)
  }

  /// What waits to be written: while the far tier was asked it may have been invalidated.
  private func stillWaiting(_ key: CacheKey, at now: CacheInstant, for limit: Duration) -> CacheEntry? {
    writes.withLock { $0.latest(key) }?.servable(at: now, for: limit)
  }

  /// The far tier's stamp without asking it anew.
  private var farStampSoFar: InvalidationStamp? { far.backend.stampNow ?? lastFarStamp.withLock { $0?.stamp } }

  /// Whether the far tier has been asked for its stamp since the last of so many invalidations.
  private func isFarStampCurrent(_ invalidations: UInt64) -> Bool {
    far.backend.stampNow != nil || lastFarStamp.withLock { $0?.invalidations == invalidations }
  }

  private func askNear(
    _ key: CacheKey, at now: CacheInstant
  ) async -> (entry: CacheEntry?, stamp: InvalidationStamp?, error: (any Error)?) {
    do {
      let found = try await near.lookup(key, at: now)
      return (found.entry, found.stamp, nil)
    } catch is UndeliveredInvalidation {
      // There is a copy, but it is being invalidated: no failure, and none that may be used.
      return (nil, near.backend.stampNow, nil)
    } catch {
      return (nil, near.backend.stampNow, near.backend.stampNow == nil ? error : nil)
    }
  }

  /// The far tier has something else than the near one: the copy goes.
  ///
  /// - Returns: The near tier's stamp afterwards.
  @discardableResult
  func contradicted(_ key: CacheKey) async -> InvalidationStamp? {
    reporter.report(.contradicted, key)
    _ = try? await near.invalidate(CacheInvalidation(.key(key)))
    startDraining()
    if let stamp = near.backend.stampNow { return stamp }
    return try? await near.lookup(key, at: configuration.clock.now).stamp
  }

  /// Copies an entry of the far tier to the near one, with the lifetime that it has left, unless something has happened to
  /// it since it was looked up.
  ///
  /// - Returns: What is to be used: the copy, if there is one now.
  private func promote(
    _ entry: CacheEntry, _ nearStamp: InvalidationStamp?, ifStill sequence: UInt64, at now: CacheInstant,
    doubts: UInt64
  ) async -> CacheEntry {
    guard let nearStamp else { return entry }
    // A copy of its own: the far tier may be in memory too, and shared.
    let copy = nearCopy(of: entry, at: now)
    confirm(copy, at: now, doubts: doubts)
    var result = stripe(entry.key).withLock { current in
      current == sequence ? near.backend.storeNow(copy, stamp: nearStamp) : .refused
    }
    if result == .unavailable {
      result = (try? await near.call(entry.key, as: .store) { try await $0.store(copy, stamp: nearStamp) }) ?? .refused
      if stripe(entry.key).withLock({ $0 }) != sequence { await contradicted(entry.key) }
    }
    guard result == .stored else { return entry }
    reporter.report(.promoted, entry.key)
    return copy
  }

  /// The entry as the near tier is to have it.
  func nearCopy(of entry: CacheEntry, at now: CacheInstant) -> CacheEntry {
    var times = entry.times
    if near.backend.stampNow == nil {
      times.reclaimAt = min(times.reclaimAt, now.advanced(by: configuration.nearTimeToLive))
    }
    return entry.with(times: times)
  }
}

extension CacheEntry {
  /// Whether this is the same response, as fresh; another copy of it, perhaps, with times that have been through a clock of
  /// another node.
  package func isSame(as other: CacheEntry) -> Bool {
    if self === other { return true }
    guard status == other.status, body.count == other.body.count,
      times.freshUntil.duration(since: other.times.freshUntil).magnitude < .seconds(1)
    else { return false }
    switch (variantIndex, other.variantIndex) {
    case (nil, nil): return fields == other.fields && body == other.body
    case (let left?, let right?): return left.nonce == right.nonce && left.selections == right.selections
    default: return false
    }
  }
}

extension Duration {
  fileprivate var magnitude: Duration { self < .zero ? .zero - self : self }
}
