//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting

/// A backend with one flaw, to show that the conformance kit notices it.
actor FlawedBackend: LeasingBackend {
  enum Flaw: String, CaseIterable {
    case none
    case losesEntries, keepsTheOld, removesNothing, removesEverything, keepsVariantsOfTheRemoved
    case neverForgets, forgetsTooEarly, truncatesTheLarge, ignoresCase, cutsLongKeys, losesTrailers, losesTags
    case ignoresTags, ignoresSoftInvalidation, softIsHard, anyTagIsAllTags, overtakenByFills
    case liesWhenPeeking, mixesUpEntries, breaksWhenCancelled, keepsToItself, grantsEveryLease, releasesByKey
    case leasesForEver, countsAnewAfterRestart, revivesAtRestart

    /// Which check notices it.
    var check: BackendConformanceCheck {
      switch self {
      case .none: .storing
      case .losesEntries: .storing
      case .keepsTheOld: .replacing
      case .removesNothing, .removesEverything: .removing
      case .keepsVariantsOfTheRemoved: .variants
      case .neverForgets, .forgetsTooEarly: .expiry
      case .truncatesTheLarge: .sizes
      case .ignoresCase, .cutsLongKeys: .keys
      case .losesTrailers: .fields
      case .losesTags: .tags
      case .ignoresTags, .anyTagIsAllTags: .hardInvalidation
      case .ignoresSoftInvalidation, .softIsHard: .softInvalidation
      case .overtakenByFills: .fills
      case .liesWhenPeeking: .synchronous
      case .mixesUpEntries: .concurrency
      case .breaksWhenCancelled: .cancellation
      case .keepsToItself: .nodes
      case .countsAnewAfterRestart, .revivesAtRestart: .restart
      case .grantsEveryLease, .releasesByKey, .leasesForEver: .leases
      }
    }
  }

  /// What several nodes share.
  actor Store {
    typealias Contents = [[UInt8]: (entry: CacheEntry, stamp: InvalidationStamp)]

    var stored: Contents
    var leases: [CacheKey: (lease: CacheLease, until: CacheInstant)] = [:]
    var token: UInt64 = 0
    nonisolated let log: InvalidationLog

    init(startingAt number: UInt64 = 0, _ stored: Contents = [:]) {
      log = InvalidationLog(startingAt: number)
      self.stored = stored
    }

    /// The store as the next process finds it: without the log, and what was invalidated taken out or made stale.
    func reopened(_ flaw: Flaw) -> Store {
      let number = log.stamp.number
      var kept: Contents = [:]
      for (name, item) in stored {
        let stamp = flaw == .countsAnewAfterRestart ? item.stamp : InvalidationStamp(number)
        switch log.verdict(key: item.entry.key, tags: item.entry.tags, since: item.stamp) {
        case .valid: kept[name] = (item.entry, stamp)
        case .stale(let moment):
          kept[name] = (item.entry.with(times: item.entry.times.stale(since: moment)), stamp)
        case .void where flaw == .revivesAtRestart: kept[name] = (item.entry, stamp)
        case .void: break
        }
      }
      return Store(startingAt: flaw == .countsAnewAfterRestart ? 0 : number, kept)
    }

    func update<Result: Sendable>(_ body: @Sendable (isolated Store) -> Result) -> Result { body(self) }
    func set(_ name: [UInt8], _ value: (entry: CacheEntry, stamp: InvalidationStamp)?) { stored[name] = value }
  }

  let flaw: Flaw
  private let shared: Store
  private let clock: CacheClock
  private var isBroken = false
  private var count = 0

  init(_ flaw: Flaw, clock: CacheClock, peerOf other: FlawedBackend? = nil) {
    self.flaw = flaw
    self.clock = clock
    shared = other.map { flaw == .keepsToItself ? Store() : $0.shared } ?? Store()
  }

  /// The store of another process, which has ended.
  init(reopening other: FlawedBackend) async {
    flaw = other.flaw
    clock = other.clock
    shared = await other.shared.reopened(other.flaw)
  }

  /// Octets: strings are equal when they look the same.
  private func name(_ key: CacheKey) -> [UInt8] {
    switch flaw {
    case .ignoresCase: Array(key.text.lowercased().utf8)
    case .cutsLongKeys: Array(key.text.utf8.prefix(250))
    default: Array(key.text.utf8)
    }
  }

  nonisolated func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek {
    flaw == .liesWhenPeeking ? .absent : .unknown
  }

  func lookup(_ key: CacheKey) async throws -> CacheLookup {
    if Task.isCancelled, flaw == .breaksWhenCancelled { isBroken = true }
    if isBroken { throw CacheError(.unavailable, "the connection was closed") }
    count += 1
    let stamp = shared.log.stamp
    let stored = await shared.stored
    guard case (var entry, let since)? = stored[name(key)] else { return CacheLookup(entry: nil, stamp: stamp) }
    if flaw == .mixesUpEntries, count % 50 == 0, let other = stored.values.first(where: { $0.entry.key != key }) {
      entry = other.entry
    }
    let end = entry.times.reclaimAt
    if flaw == .forgetsTooEarly ? clock.now >= entry.times.freshUntil : flaw != .neverForgets && clock.now >= end {
      return CacheLookup(entry: nil, stamp: stamp)
    }
    switch shared.log.verdict(key: key, tags: flaw == .ignoresTags ? nil : entry.tags, since: since) {
    case .valid: break
    case .stale(let moment):
      if flaw == .softIsHard { return CacheLookup(entry: nil, stamp: stamp) }
      if flaw != .ignoresSoftInvalidation { entry = entry.with(times: entry.times.stale(since: moment)) }
    case .void: return CacheLookup(entry: nil, stamp: stamp)
    }
    return CacheLookup(entry: entry, stamp: stamp)
  }

  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    if isBroken { throw CacheError(.unavailable, "the connection was closed") }
    var entry = entry
    var stamp = stamp
    switch flaw {
    case .losesEntries: return .stored
    case .keepsTheOld where await shared.stored[name(entry.key)] != nil: return .stored
    case .truncatesTheLarge where entry.body.count > 1 << 20: entry = entry.remade(body: entry.body.slice(0..<1 << 20))
    case .losesTrailers: entry = entry.remade(trailers: .some(nil))
    case .losesTags: entry = entry.remade(tags: .some(nil))
    case .overtakenByFills: stamp = shared.log.stamp
    default: break
    }
    if shared.log.verdict(key: entry.key, tags: entry.tags, since: stamp) == .void { return .invalidated }
    await shared.set(name(entry.key), (entry, stamp))
    return .stored
  }

  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    var invalidation = invalidation
    switch (flaw, invalidation.target) {
    case (.removesNothing, .key): return InvalidationReceipt()
    case (.removesEverything, .key): invalidation.target = .everything
    case (.keepsVariantsOfTheRemoved, .key(let key)):
      await shared.set(name(key), nil)
      return InvalidationReceipt()
    case (.anyTagIsAllTags, .anyTag(let tags)): invalidation.target = .allTags(tags)
    default: break
    }
    shared.log.record(invalidation, at: clock.now)
    return InvalidationReceipt()
  }

  func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    let now = clock.now
    let flaw = flaw
    return await shared.update { store in
      if let held = store.leases[key], flaw == .leasesForEver || now < held.until, flaw != .grantsEveryLease {
        return nil
      }
      store.token += 1
      let lease = CacheLease(key: key, token: store.token)
      store.leases[key] = (lease, now.advanced(by: duration))
      return lease
    }
  }

  func releaseLease(_ lease: CacheLease) async {
    let flaw = flaw
    await shared.update { store in
      if flaw == .releasesByKey || store.leases[lease.key]?.lease == lease { store.leases[lease.key] = nil }
    }
  }
}

extension CacheEntry {
  fileprivate func remade(body: Bytes? = nil, trailers: HeaderFields?? = nil, tags: CacheTags?? = nil) -> CacheEntry {
    if variantIndex != nil { return self }
    return CacheEntry(
      key: key, status: status, fields: fields, body: body ?? self.body, trailers: trailers ?? self.trailers,
      times: times, traits: traits, cost: cost, tags: tags ?? self.tags)
  }
}
