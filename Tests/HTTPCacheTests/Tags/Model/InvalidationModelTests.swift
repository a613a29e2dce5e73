//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Random interleavings of requests, answers, bodies, failures, invalidations of every kind and steps of the clock, against
/// a reference model: nothing is served that was invalidated before its request began, except for what was invalidated
/// softly, within its windows.
///
/// `HTTP_CACHE_MODEL_SCHEDULES=100000` plays that many histories, from `HTTP_CACHE_MODEL_FIRST_SEED` on;
/// `HTTP_CACHE_MODEL_SEED=…` plays one, and `HTTP_CACHE_MODEL_LOG=…` writes down what happened in it.
@Suite(.timeLimit(.minutes(60))) struct InvalidationModelTests {
  private static let environment = ProcessInfo.processInfo.environment

  /// Plays many histories on worlds that `makeWorld` makes.
  ///
  /// - Returns: What the model objects to in the first that it objects to, and how often each outcome occurred.
  static func check(
    schedules: Int, steps: Int = 60, firstSeed: UInt64 = 1, _ makeWorld: @escaping InvalidationWorld.Maker
  ) async throws -> (objections: [String], outcomes: [String: Int]) {
    let next = Locked(firstSeed)
    return try await withThrowingTaskGroup(of: ([String], [String: Int]).self) { group in
      for _ in 0..<2 {
        group.addTask {
          try await StepScheduler.onThread {
            var outcomes: [String: Int] = [:]
            while true {
              let seed = next.withLock { next in
                next += 1
                return next - 1
              }
              guard seed < firstSeed + UInt64(schedules) else { return ([], outcomes) }
              let result = try InvalidationHistory.play(seed: seed, steps: steps, makeWorld)
              outcomes.merge(result.outcomes) { $0 + $1 }
              if let path = environment["HTTP_CACHE_MODEL_LOG"], !result.objections.isEmpty || schedules == 1 {
                try result.log.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
              }
              guard result.objections.isEmpty else {
                return (result.objections.map { "seed \(seed): \($0)" }, outcomes)
              }
            }
          }
        }
      }
      return try await group.reduce(into: ([], [:])) { all, part in
        all.objections += part.0
        all.outcomes.merge(part.1) { $0 + $1 }
      }
    }
  }

  /// Plays as many histories as the environment says, `standard` unless it says anything.
  ///
  /// - Returns: How often each outcome occurred; nil when it was only one history.
  private static func play(
    _ name: String, standard: Int, _ makeWorld: @escaping InvalidationWorld.Maker
  ) async throws -> [String: Int]? {
    let seed = environment["HTTP_CACHE_MODEL_SEED"].flatMap { UInt64($0) }
    let firstSeed = seed ?? environment["HTTP_CACHE_MODEL_FIRST_SEED"].flatMap { UInt64($0) } ?? 1
    let schedules = seed == nil ? environment["HTTP_CACHE_MODEL_SCHEDULES"].flatMap { Int($0) } ?? standard : 1
    let start = ContinuousClock.now
    let (objections, outcomes) = try await check(schedules: schedules, firstSeed: firstSeed, makeWorld)
    #expect(objections == [])
    guard seed == nil else { return nil }
    print(
      "invalidation model, \(name): seeds \(firstSeed) to \(firstSeed + UInt64(schedules) - 1), "
        + "\(outcomes.values.reduce(0, +)) requests, \(objections.count) objections, \(ContinuousClock.now - start)")
    for (outcome, count) in outcomes.sorted(by: { $0.value > $1.value }) { print("  \(outcome): \(count)") }
    return outcomes
  }

  @Test func `nothing is served that was invalidated before the request began`() async throws {
    guard let outcomes = try await Self.play("in memory", standard: 150, InvalidationWorld.inMemory) else { return }
    // The histories have something to say about every way to be answered.
    for outcome: CacheOutcome in [
      .hit, .stale(.whileRevalidating), .stale(.ifError), .revalidated, .collapsed, .miss(.absent), .miss(.stale),
      .miss(.variant), .bypass(.method), .bypass(.uncacheable),
    ] {
      #expect(outcomes["\(outcome)", default: 0] > 0, "\(outcome)")
    }
  }

  /// The far tier fails, hangs, loses its answers and comes back, and the near one is lost: what could not be told waits,
  /// and is not served meanwhile.
  @Test func `nor with two tiers that fail and are lost`() async throws {
    guard let outcomes = try await Self.play("two tiers", standard: 100, InvalidationWorld.tiers) else { return }
    for outcome: CacheOutcome in [.hit, .stale(.whileRevalidating), .revalidated, .collapsed, .miss(.absent)] {
      #expect(outcomes["\(outcome)", default: 0] > 0, "\(outcome)")
    }
  }

  /// What one node has invalidated, none of the others serves, nor one that takes the place of one that is lost.
  @Test func `nor by any of several nodes that share a store`() async throws {
    guard let outcomes = try await Self.play("nodes", standard: 100, InvalidationWorld.nodes) else { return }
    for outcome: CacheOutcome in [.hit, .stale(.whileRevalidating), .revalidated, .collapsed, .miss(.absent)] {
      #expect(outcomes["\(outcome)", default: 0] > 0, "\(outcome)")
    }
  }

  /// A history that went wrong can be played again.
  @Test(arguments: [InvalidationWorld.inMemory, InvalidationWorld.nodes, InvalidationWorld.tiers])
  func `the seed alone decides what happens`(makeWorld: @escaping InvalidationWorld.Maker) async throws {
    let logs = try await StepScheduler.onThread {
      try (1...20 as ClosedRange<UInt64>).map { seed in
        try (0..<2).map { _ in try InvalidationHistory.play(seed: seed, steps: 60, makeWorld).log }
      }
    }
    for log in logs { #expect(log[0] == log[1]) }
  }

  // MARK: That the model would notice

  /// A store that gets one thing wrong.
  private struct Faulty: CacheBackend {
    enum Fault: CaseIterable {
      /// Stores what was invalidated on its way.
      case forgetsFills
      /// Lets everybody share what is on its way.
      case sharesAll
      /// Never invalidates by tags.
      case ignoresTags
    }

    let backend: InMemoryBackend
    let fault: Fault

    func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek { backend.peek(key, at: now) }
    var stampNow: InvalidationStamp? { backend.stampNow }
    func lookup(_ key: CacheKey) async throws -> CacheLookup { await backend.lookup(key) }
    func storeNow(_ entry: CacheEntry, stamp: InvalidationStamp) -> CacheStoreResult {
      fault == .forgetsFills ? backend.storeNow(entry) : backend.storeNow(entry, stamp: stamp)
    }
    func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
      storeNow(entry, stamp: stamp)
    }
    func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
      if fault == .ignoresTags, case .anyTag = invalidation.target { return InvalidationReceipt() }
      return await backend.invalidate(invalidation)
    }
    func verdictNow(key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp) -> InvalidationVerdict? {
      fault == .sharesAll ? .valid : backend.verdictNow(key: key, tags: tags, since: stamp)
    }
  }

  @Test func `it notices a store that gets one thing wrong`() async throws {
    for fault in Faulty.Fault.allCases {
      let (objections, _) = try await Self.check(schedules: 500) { clock, _ in
        InvalidationWorld(backends: [
          Faulty(backend: try InMemoryBackend(configuration: .init(capacity: 1 << 20, clock: clock)), fault: fault)
        ])
      }
      #expect(!objections.isEmpty, "\(fault)")
    }
  }
}
