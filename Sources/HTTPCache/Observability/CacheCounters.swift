//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Counts what a cache does, without a lock: the one source of ``CacheStatistics`` and ``CacheLayer/metrics``.
///
/// Striped: threads that answer different keys seldom write to the same cache line. Plain hits in memory, which are most
/// requests, are counted under the locks that they hold anyway (``HitCounts``).
final class CacheCounters: @unchecked Sendable {
  // @unchecked: the memory is allocated once, holds nothing but atomics, and is freed in deinit; `shardHits` is set before
  // anybody else has the object.
  private static let stripeCount = 16
  /// The words of each policy: two for each outcome, and one for the time saved.
  private static let policyWidth = 48
  private static let savedSlot = 46
  /// The words of what is counted for all policies together.
  private static let commonWidth = 48

  /// The most that one answer adds to the bytes, 16 TiB: an origin may claim any length, and must not exhaust the counts.
  private static let maximumByteCount = 1 << 44

  private let cells: UnsafeMutablePointer<Atomic<Int>>
  private let width: Int
  /// The names of policies, as labels have them.
  let policyNames: [String]
  /// The time that requests took, one series for each ``CacheOutcome/Kind``.
  let requestTimes = DurationHistograms(seriesCount: CacheOutcome.Kind.allCases.count)
  /// The time that the origin took, one series for each ``OriginResult``.
  let originTimes = DurationHistograms(seriesCount: OriginResult.allCases.count)
  /// The plain hits in a store in memory, which are counted under the locks of its shards.
  private var shardHits: HitCounts?

  /// The result of a call to the origin.
  enum OriginResult: Int, CaseIterable {
    /// A response.
    case response
    /// A response that says that the origin has failed: 500, 502, 503 or 504.
    case serverError
    /// An error that was thrown, or no response in time.
    case failure

    /// The result that a response with this status is.
    init(status: Int) { self = RFC9111.isOriginFailure(status) ? .serverError : .response }

    /// The result as metrics call it.
    var name: String {
      switch self {
      case .response: "response"
      case .serverError: "server-error"
      case .failure: "failure"
      }
    }
  }

  /// - Parameter policyNames: A name for each number that a policy may have (``ResolvedPolicy/number``).
  init(policyNames: [String] = [ResolvedRouter.defaultPolicyName]) {
    self.policyNames = policyNames
    width = policyNames.count * Self.policyWidth + Self.commonWidth
    precondition(Self.outcomes.count * 2 <= Self.savedSlot, "a policy has no room for every outcome")
    precondition(Common.refusals + StoreRefusal.allCases.count <= Common.invalidations, "two counts share a word")
    cells = .allocate(capacity: Self.stripeCount * width)
    for index in 0..<Self.stripeCount * width { (cells + index).initialize(to: Atomic(0)) }
  }

  deinit {
    cells.deinitialize(count: Self.stripeCount * width)
    cells.deallocate()
    shardHits?.destroy()
  }

  /// Makes the counts for the plain hits in a store of so many shards. To be called once at most, by who has made the object.
  /// They live as long as the object.
  func hitCounts(shardCount: Int) -> HitCounts {
    precondition(shardHits == nil, "there is one store")
    let counts = HitCounts(shardCount: shardCount, policyCount: policyNames.count)
    shardHits = counts
    return counts
  }

  // MARK: Counting

  /// Counts an answer.
  ///
  /// - Parameters:
  ///   - policy: The number of the request's policy.
  ///   - byteCount: The length of the content; 0 where it is not known yet.
  ///   - cost: The microseconds for which the origin was spared, if it was.
  ///   - stripe: Any number that spreads; the low bits of the key's digest.
  @inline(__always)
  func countAnswer(_ outcome: CacheOutcome, policy: Int, byteCount: Int, cost: UInt32 = 0, stripe: UInt64) {
    let answers = self.stripe(stripe) + policy &* Self.policyWidth
    let slot = 2 &* Self.slot(outcome)
    answers[slot].wrappingAdd(1, ordering: .relaxed)
    if byteCount > 0 { answers[slot &+ 1].wrappingAdd(min(byteCount, Self.maximumByteCount), ordering: .relaxed) }
    if cost > 0 { answers[Self.savedSlot].wrappingAdd(Int(cost), ordering: .relaxed) }
  }

  /// Adds content to what was answered before, for answers whose length was not known then.
  func addBytes(_ byteCount: Int, to outcome: CacheOutcome, policy: Int, stripe: UInt64) {
    (self.stripe(stripe) + policy &* Self.policyWidth)[2 &* Self.slot(outcome) &+ 1]
      .wrappingAdd(byteCount, ordering: .relaxed)
  }

  // MARK: Timing

  /// Records the time that an answer took, from a moment by ``CacheClock/preciseNow`` until now.
  ///
  /// - Parameter weight: The number of answers that this one stands for.
  func time(_ outcome: CacheOutcome, since start: CacheInstant, _ clock: CacheClock, weight: UInt = 1) {
    requestTimes.record(
      outcome.kind.rawValue, nanoseconds: clock.preciseNow.nanoseconds.subtractingSaturated(start.nanoseconds),
      weight: weight, stripe: UInt64(bitPattern: start.nanoseconds >> 8))
  }

  /// The same for a response. One that this cache has nothing to do with is not counted.
  func timed(_ response: CacheResponse, since start: CacheInstant, _ clock: CacheClock) -> CacheResponse {
    if let outcome = response.outcome { time(outcome, since: start, clock) }
    return response
  }

  /// Records the time that the origin took.
  ///
  /// - Returns: The time in nanoseconds.
  @discardableResult
  func timeOrigin(_ result: OriginResult, since start: CacheInstant, _ clock: CacheClock) -> Int64 {
    let nanoseconds = max(0, clock.preciseNow.nanoseconds.subtractingSaturated(start.nanoseconds))
    originTimes.record(
      result.rawValue, nanoseconds: nanoseconds, stripe: UInt64(bitPattern: start.nanoseconds >> 8))
    return nanoseconds
  }

  // MARK: Other counts

  /// Counts something that is neither an answer nor an invalidation.
  @inline(__always)
  func count(_ kind: CacheEvent.Kind, stripe: UInt64) {
    guard let slot = Common.slot(kind) else { return }
    common(stripe)[slot].wrappingAdd(1, ordering: .relaxed)
  }

  /// Counts an invalidation.
  func count(_ invalidation: CacheInvalidation) {
    common(0)[Common.slot(invalidation.target.kind, invalidation.mode)].wrappingAdd(1, ordering: .relaxed)
  }

  @inline(__always)
  private func stripe(_ stripe: UInt64) -> UnsafeMutablePointer<Atomic<Int>> {
    cells + (Int(truncatingIfNeeded: stripe) & (Self.stripeCount - 1)) &* width
  }

  @inline(__always)
  private func common(_ stripe: UInt64) -> UnsafeMutablePointer<Atomic<Int>> {
    self.stripe(stripe) + policyNames.count &* Self.policyWidth
  }

  // MARK: Totals

  /// The counts of one outcome under one policy.
  struct Answers {
    var count = 0
    var byteCount = 0
  }

  func answers(_ outcome: CacheOutcome, policy: Int) -> Answers {
    let slot = policy * Self.policyWidth + 2 * Self.slot(outcome)
    var answers = Answers(count: total(slot), byteCount: total(slot + 1))
    if outcome == .hit, let shardHits {
      answers.count &+= shardHits.total(.count, policy: policy)
      answers.byteCount &+= shardHits.total(.byteCount, policy: policy)
    }
    return answers
  }

  /// The time for which the origin was spared, in microseconds.
  func savedMicroseconds(policy: Int) -> Int {
    total(policy * Self.policyWidth + Self.savedSlot) &+ (shardHits?.total(.saved, policy: policy) ?? 0)
  }

  func total(_ kind: CacheEvent.Kind) -> Int {
    if case .answered(let outcome) = kind {
      return policyNames.indices.reduce(0) { $0 + answers(outcome, policy: $1).count }
    }
    return Common.slot(kind).map { total(policyNames.count * Self.policyWidth + $0) } ?? 0
  }

  func total(_ target: CacheInvalidation.Target.Kind, _ mode: CacheInvalidation.Mode) -> Int {
    total(policyNames.count * Self.policyWidth + Common.slot(target, mode))
  }

  private func total(_ slot: Int) -> Int {
    (0..<Self.stripeCount).reduce(0) { $0 &+ cells[$1 * width + slot].load(ordering: .relaxed) }
  }

  // MARK: Words

  /// The outcomes in the order of their words.
  static let outcomes: [CacheOutcome] =
    [.hit, .revalidated, .collapsed] + CacheOutcome.StaleReason.allCases.map { .stale($0) }
    + CacheOutcome.MissReason.allCases.map { .miss($0) } + CacheOutcome.BypassReason.allCases.map { .bypass($0) }
    + CacheOutcome.FailureReason.allCases.map { .failed($0) }

  @inline(__always)
  private static func slot(_ outcome: CacheOutcome) -> Int {
    switch outcome {
    case .hit: 0
    case .revalidated: 1
    case .collapsed: 2
    case .stale(let reason): 3 + ordinal(of: reason)
    case .miss(let reason): 9 + ordinal(of: reason)
    case .bypass(let reason): 14 + ordinal(of: reason)
    case .failed(let reason): 19 + ordinal(of: reason)
    }
  }

  /// The words of what is counted for all policies together.
  private enum Common {
    static let refusals = 4
    static let invalidations = 32

    @inline(__always)
    static func slot(_ kind: CacheEvent.Kind) -> Int? {
      switch kind {
      case .answered, .invalidated: nil
      case .stored: 0
      case .refreshStarted: 1
      case .refreshFailed: 2
      case .backendFailed: 3
      case .refused(let reason): refusals + CacheCounters.ordinal(of: reason)
      }
    }

    static func slot(_ target: CacheInvalidation.Target.Kind, _ mode: CacheInvalidation.Mode) -> Int {
      invalidations + 2 * CacheCounters.ordinal(of: target) + (mode == .soft ? 1 : 0)
    }
  }

  /// The number of a case. The compiler numbers those of an enum without payloads in their order, in one octet.
  @inline(__always)
  private static func ordinal<Reason: CaseIterable>(of reason: Reason) -> Int {
    Int(unsafeBitCast(reason, to: UInt8.self))
  }
}
