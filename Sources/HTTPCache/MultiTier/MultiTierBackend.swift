//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Two backends, one behind the other: a near one that is fast (this process's memory, as a rule) in front of a far one
/// that is large, or shared with other nodes.
///
/// ```swift
/// let backend = try MultiTierBackend(near: InMemoryBackend(capacity: 256 << 20), far: redis)
/// let cache = try CacheLayer(backend: backend)
/// ```
///
/// The far tier is the one that counts: the near tier has copies of what is there, never for longer, and never anything
/// else. A copy that has not been compared for ``TierConfiguration/nearTimeToLive``, or that is doubtful because a message
/// of another node may have been missed (``suspect()``), is compared before it is used. What is invalidated is gone from
/// both; a tier that cannot be told is told later, and until then nothing is used that it would have forgotten.
///
/// Neither tier's failure is the other's: a tier that fails, or does not answer in time, is one that has nothing, and after
/// several failures in a row it is left alone for a while.
///
/// With a ``Backplane``, several nodes tell each other what they have invalidated; ``run()`` listens.
public final class MultiTierBackend<Near: CacheBackend, Far: CacheBackend>: CacheBackend {
  /// What the backend was made with.
  public let configuration: TierConfiguration
  /// The clock of the configuration, or that of the tiers if it has none of its own.
  public var entryClock: CacheClock? { configuration.clock }
  let near: Tier<Near>
  let far: Tier<Far>
  let reporter: TierReporter
  let link: BackplaneLink?
  let writes: Locked<WaitingWrites>
  let drain = Locked<Task<Void, Never>?>(nil)
  /// How often the copies in the near tier have become doubtful.
  let doubts = Atomic<UInt64>(0)
  let lastDoubt = Atomic<Int64>(.min)
  /// The far tier's stamp when it was last asked, and how many invalidations there had been here. Older than the present, and
  /// so rather too strict.
  let lastFarStamp = Locked<(stamp: InvalidationStamp, invalidations: UInt64)?>(nil)
  let isShutDown = Atomic(false)
  /// Comes when `run()` is to end.
  let ending = OneShot<Void>()
  private let hits: Locked<HitMemory>?
  private let stripes: [Locked<UInt64>] = (0..<64).map { _ in Locked(0) }

  /// - Parameters:
  ///   - near: The tier that is asked first.
  ///   - far: The tier that counts.
  ///   - backplane: What connects this node with others that share the far tier.
  ///   - configuration: How the tiers work together.
  /// - Throws: When the configuration makes no sense, or the tiers read different clocks; the error says what and why.
  public init(
    near: Near, far: Far, backplane: (any Backplane)? = nil, configuration: TierConfiguration = TierConfiguration()
  ) throws(CacheConfigurationError) {
    try configuration.validate()
    var configuration = configuration
    configuration.clock = try CacheClock.shared(by: [
      ("the tiers' configuration", configuration.clock.isSystem ? nil : configuration.clock),
      ("the near tier", near.entryClock), ("the far tier", far.entryClock),
    ])
    self.configuration = configuration
    let reporter = TierReporter(configuration.observer)
    self.reporter = reporter
    self.near = Tier(
      near,
      names: .init(failed: .nearFailed, suspended: .nearSuspended, recovered: .nearRecovered, text: "near"),
      configuration: configuration, reporter: reporter)
    self.far = Tier(
      far, names: .init(failed: .farFailed, suspended: .farSuspended, recovered: .farRecovered, text: "far"),
      configuration: configuration, reporter: reporter)
    link = backplane.map { BackplaneLink($0, reporter: reporter, configuration: configuration) }
    writes = Locked(
      WaitingWrites(
        maximumCount: configuration.maximumWaitingWrites, maximumWeight: configuration.maximumWaitingWeight))
    switch configuration.promotion.kind {
    case .never, .hits(1, _): hits = nil
    case .hits(_, let period): hits = Locked(HitMemory(period: period))
    }
  }

  deinit { drain.withLock { $0?.cancel() } }

  /// What has happened between the tiers.
  public var statistics: TierStatistics { reporter.statistics }

  /// How many entries wait to be written to the far tier, or are being written.
  public var waitingWriteCount: Int { writes.withLock { $0.count + $0.runningCount } }

  /// How many invalidations one of the tiers has yet to be told of.
  public var pendingInvalidationCount: Int { near.waitingCount + far.waitingCount }

  /// Looks into the near tier, if that can be done without waiting. A copy that is to be compared first is not returned.
  public func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek {
    let undelivered = near.undelivered
    guard case .found(let entry) = near.backend.peek(key, at: now) else { return .unknown }
    guard !near.isConcerned(entry, undelivered), isUsable(entry, at: now) else { return .unknown }
    reporter.report(.nearHit, key)
    return .found(entry)
  }

  /// The numbers of both tiers' last invalidations, if both can be had without waiting.
  public var stampNow: InvalidationStamp? {
    guard let far = far.backend.stampNow, let near = near.backend.stampNow else { return nil }
    return InvalidationStamp(near: near, far: far)
  }

  /// What the invalidations since `stamp` mean for a response, as far as this node has heard of them.
  public func verdictNow(
    key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp
  ) -> InvalidationVerdict? {
    let (nearStamp, farStamp) = split(stamp)
    guard let nearStamp, let verdict = near.backend.verdictNow(key: key, tags: tags, since: nearStamp) else {
      return nil
    }
    guard let farStamp, let other = far.backend.verdictNow(key: key, tags: tags, since: farStamp) else {
      return verdict
    }
    return verdict.merged(with: other)
  }

  // MARK: Copies

  /// Whether a copy may be used without asking the far tier.
  func isUsable(_ entry: CacheEntry, at now: CacheInstant) -> Bool {
    guard let mark = entry.tierMark else { return isUsableUnmarked(entry, at: now) }
    let age = mark.age(at: now)
    if mark.isUndoubted(after: doubts.load(ordering: .acquiring)), age < configuration.nearTimeToLive { return true }
    guard far.isSuspended, age < configuration.nearTimeToLive + configuration.nearGrace else { return false }
    reporter.report(.usedUnconfirmed, entry.key)
    return true
  }

  /// A near tier outside this process does not keep marks. There, copies are stored with a lifetime of
  /// ``TierConfiguration/nearTimeToLive``, and for so long all are doubtful once one is.
  private func isUsableUnmarked(_ entry: CacheEntry, at now: CacheInstant) -> Bool {
    guard near.backend.stampNow == nil else { return false }
    let last = lastDoubt.load(ordering: .acquiring)
    return last == .min || now.duration(since: CacheInstant(nanoseconds: last)) >= configuration.nearTimeToLive
  }

  /// Whether a copy may be used when the far tier cannot be asked.
  func isTolerable(_ entry: CacheEntry, at now: CacheInstant) -> Bool {
    guard let mark = entry.tierMark else { return near.backend.stampNow == nil }
    return mark.age(at: now) < configuration.nearTimeToLive + configuration.nearGrace
  }

  /// Notes that a copy agrees with the far tier.
  func confirm(_ entry: CacheEntry, at now: CacheInstant, doubts: UInt64) {
    entry.setTierMark(TierMark.word(doubts: doubts, at: now))
  }

  /// Whether the near tier is to have a copy of what was found in the far one.
  func promotes(_ entry: CacheEntry, at now: CacheInstant) -> Bool {
    guard case .hits(let threshold, _) = configuration.promotion.kind else { return false }
    guard fitsNear(entry) else {
      reporter.report(.tooLargeForNear, entry.key)
      return false
    }
    guard let hits else { return true }
    return hits.withLock { hits in
      guard hits.record(entry.key.digest, at: now) >= threshold else { return false }
      hits.forget(entry.key.digest)
      return true
    }
  }

  func fitsNear(_ entry: CacheEntry) -> Bool { entry.body.count <= configuration.maximumNearBodySize }

  /// Counts what happens to a key in the far tier, so that a copy that was on its way meanwhile is noticed.
  func stripe(_ key: CacheKey) -> Locked<UInt64> { stripes[Int(truncatingIfNeeded: key.digest.low >> 8) & 63] }

  // MARK: Stamps

  /// The stamps of the two tiers; nil where it is not known.
  func split(_ stamp: InvalidationStamp) -> (near: InvalidationStamp?, far: InvalidationStamp?) {
    guard let (near, far) = stamp.tiers else { return (stamp, nil) }
    return (near.isKnown ? near : nil, far.isKnown ? far : nil)
  }

  func join(_ near: InvalidationStamp?, _ far: InvalidationStamp?) -> InvalidationStamp {
    InvalidationStamp(near: near ?? .unknown, far: far ?? .unknown)
  }
}
