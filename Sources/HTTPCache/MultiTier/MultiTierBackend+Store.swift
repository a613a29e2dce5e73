//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

extension MultiTierBackend {
  /// Stores in both tiers, if that can be done without waiting.
  public func storeNow(_ entry: CacheEntry, stamp: InvalidationStamp) -> CacheStoreResult {
    let (nearStamp, farStamp) = split(stamp)
    guard let nearStamp, !near.hasPending, !isShutDown.load(ordering: .relaxed) else { return .unavailable }
    let now = configuration.clock.now
    let previous = near.backend.peek(entry.key, at: now)
    // What is too large for the near tier must at least go from there, which may take waiting.
    let fits = fitsNear(entry)
    guard fits || previous.isAbsent else { return .unavailable }
    switch configuration.writing.kind {
    case .through:
      guard let farStamp, far.backend.stampNow != nil, !far.hasPending,
        writes.withLock({ $0.latest(entry.key) == nil })
      else { return .unavailable }
      let result = far.backend.storeNow(entry, stamp: farStamp)
      guard result == .stored else { return result == .refused ? .unavailable : result }
      if isAnnounced(entry, previous) { link?.publish(.superseded(entry.key)) }
      guard fits else { return .stored }
      let copy = nearCopy(of: entry, at: now)
      confirm(copy, at: now, doubts: doubts.load(ordering: .acquiring))
      let nearResult = stripe(entry.key).withLock { sequence in
        sequence &+= 1
        return near.backend.storeNow(copy, stamp: nearStamp)
      }
      // What counts is that the far tier has it; what is in the way in the near one takes waiting to remove.
      return nearResult == .stored || previous.isAbsent ? .stored : .unavailable
    case .back:
      // Without the near tier's word on it, nothing that waits may be served.
      guard near.backend.verdictNow(key: entry.key, tags: entry.tags, since: nearStamp) != nil else {
        return .unavailable
      }
      if fits {
        let copy = nearCopy(of: entry, at: now)
        confirm(copy, at: now, doubts: doubts.load(ordering: .acquiring))
        let result = near.backend.storeNow(copy, stamp: nearStamp)
        guard result == .stored || result == .refused && previous.isAbsent else {
          return result == .refused ? .unavailable : result
        }
      }
      // What nobody can have is for `store` to say.
      guard let farStamp else { return fits ? .stored : .unavailable }
      let isAnnounced = isAnnounced(entry, previous)
      guard enqueue(entry, nearStamp, farStamp, isInNear: fits, since: nil, isAnnounced: isAnnounced) else {
        return .invalidated
      }
      startDraining()
      return .stored
    }
  }

  /// Stores in both tiers. When the far one fails, the entry waits to be written there.
  ///
  /// - Returns: `refused` when neither tier takes it.
  /// - Throws: When neither tier has it.
  public func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    guard !isShutDown.load(ordering: .relaxed) else {
      throw CacheError(.closed, "the backend has been shut down: nothing is stored any more")
    }
    let (nearStamp, farStamp) = split(stamp)
    let invalidations = writes.withLock { $0.invalidations.count }
    let previous = near.backend.peek(entry.key, at: configuration.clock.now)
    let nearResult = await storeNear(entry, nearStamp)
    if nearResult == .invalidated { return .invalidated }
    guard let farStamp else {
      // The far tier could not be asked before the handler was: whether the response is still valid there, nobody can say.
      guard nearResult != .stored else { return .stored }
      await dropCopy(entry.key, previous)
      throw CacheError(
        .unavailable, "the near tier does not take the entry, and the far one could not be asked before it was made")
    }
    guard
      enqueue(
        entry, nearStamp, farStamp, isInNear: nearResult == .stored, since: invalidations,
        isAnnounced: isAnnounced(entry, previous))
    else {
      if nearResult == .stored { await contradicted(entry.key) }
      return .invalidated
    }
    // What the near tier had is older than what waits now.
    if nearResult != .stored { await dropCopy(entry.key, previous) }
    guard configuration.writing.kind == .through, let write = writes.withLock({ $0.begin(entry.key) }) else {
      startDraining()
      return .stored
    }
    switch await perform(write) {
    case .success(let result):
      return result == .refused && nearResult == .stored ? .stored : result
    case .failure(let error):
      guard nearResult == .stored else { throw error }
      return .stored
    }
  }

  private func storeNear(_ entry: CacheEntry, _ stamp: InvalidationStamp?) async -> CacheStoreResult {
    guard fitsNear(entry) else { return .refused }
    guard let stamp else { return .unavailable }
    let now = configuration.clock.now
    let copy = nearCopy(of: entry, at: now)
    confirm(copy, at: now, doubts: doubts.load(ordering: .acquiring))
    let result = near.backend.storeNow(copy, stamp: stamp)
    guard result == .unavailable else { return result }
    return (try? await near.call(entry.key, as: .store) { try await $0.store(copy, stamp: stamp) }) ?? .unavailable
  }

  /// Takes the copy of an older response out of the near tier.
  private func dropCopy(_ key: CacheKey, _ previous: CachePeek) async {
    if previous.isAbsent { return }
    _ = try? await near.invalidate(CacheInvalidation(.key(key)))
    startDraining()
  }

  /// Lets an entry wait to be written to the far tier, unless it has been invalidated.
  ///
  /// - Parameter invalidations: How many there had been when storing began, for near tiers that cannot tell themselves.
  private func enqueue(
    _ entry: CacheEntry, _ nearStamp: InvalidationStamp?, _ farStamp: InvalidationStamp, isInNear: Bool,
    since invalidations: UInt64?, isAnnounced: Bool
  ) -> Bool {
    let dropped = writes.withLock { writes -> [WaitingWrites.Write]? in
      // Under the lock, which an invalidation takes after it has reached the near tier: it comes either before this, or after.
      var write = WaitingWrites.Write(
        entry: entry, stamp: farStamp, since: configuration.clock.now, isServable: true, isAnnounced: isAnnounced)
      var verdict = nearStamp.flatMap {
        near.backend.verdictNow(key: entry.key, tags: entry.tags, since: $0)
      }
      if verdict == nil {
        verdict = invalidations.map { writes.invalidations.verdict(on: entry, since: $0) }
        write.isServable = isInNear
      }
      switch verdict {
      case .valid, nil: break
      case .void: return nil
      case .stale(let moment): write.entry = entry.with(times: entry.times.stale(since: moment))
      }
      return writes.add(write)
    }
    guard let dropped else { return false }
    stripe(entry.key).withLock { $0 &+= 1 }
    for write in dropped { reporter.report(.writeDropped, write.entry.key) }
    return true
  }

  /// Whether the other nodes are to be told that the far tier has something newer than they may have. Not so for an index,
  /// which is stored again with every variant: nobody's copies are wrong because of that.
  private func isAnnounced(_ entry: CacheEntry, _ previous: CachePeek) -> Bool {
    link != nil && entry.variantIndex == nil && !previous.isAbsent
  }

  // MARK: Writing to the far tier

  /// Writes to the far tier, which ``WaitingWrites`` has been told.
  func perform(_ write: WaitingWrites.Write) async -> Result<CacheStoreResult, any Error> {
    let key = write.entry.key
    let (entry, stamp) = (write.entry, write.stamp)
    guard configuration.clock.now < entry.times.reclaimAt else {
      writes.withLock { $0.finish(key) }
      reporter.report(.writeDropped, key)
      return .success(.refused)
    }
    do {
      let result = try await far.call(key, as: .store) { backend -> CacheStoreResult in
        let result = backend.storeNow(entry, stamp: stamp)
        return result == .unavailable ? try await backend.store(entry, stamp: stamp) : result
      }
      // Before it is forgotten here: whoever has looked up what was there before must not make a copy of it.
      stripe(key).withLock { $0 &+= 1 }
      writes.withLock { $0.finish(key) }
      switch result {
      case .stored: if write.isAnnounced { link?.publish(.superseded(key)) }
      case .unavailable: break
      case .invalidated: await contradicted(key)
      case .refused:
        // What it refuses has superseded what it has.
        _ = try? await far.invalidate(CacheInvalidation(.key(key)))
      }
      startDraining()
      return .success(result)
    } catch {
      stripe(key).withLock { $0 &+= 1 }
      let code = (error as? CacheError)?.code
      if code == .refused || code == .unsupported || code == .damaged {
        writes.withLock { $0.finish(key) }
        reporter.report(.writeDropped, key, error)
      } else if writes.withLock({ $0.retry(key, maximumAttempts: Self.maximumWriteAttempts(far.isSuspended)) }) {
        reporter.report(.writeQueued, key, error)
      } else {
        reporter.report(.writeDropped, key, error)
      }
      startDraining()
      return .failure(error)
    }
  }

  /// How often one write is attempted, so that an entry that the far tier chokes on does not hold up the rest for ever. While
  /// the tier is left alone that is no fault of the entry's.
  private static func maximumWriteAttempts(_ isSuspended: Bool) -> Int { isSuspended ? .max : 8 }
}

extension CachePeek {
  fileprivate var isAbsent: Bool { if case .absent = self { true } else { false } }
}
