//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Dispatch
import HTTPCache

/// Something that happens to a store while clients use a cache that is kept in it.
public struct FaultCase: Sendable {
  /// What the cache is kept in.
  public let store: String
  /// What happens to it.
  public let fault: String
  /// How long it lasts, in a run that is not shortened.
  let duration: Duration
  /// How many clients there are at least.
  var clients = 0
  let prepare: @Sendable () async throws -> Stage

  /// For the command line.
  public var name: String { "\(store): \(fault)" }
}

/// Why a case could not be played.
struct FaultError: Error, CustomStringConvertible {
  let description: String
}

/// A cache over real servers, ready to be used and to be hurt.
struct Stage: Sendable {
  var backend: any CacheBackend
  /// How long the store is waited for at most, as it is configured.
  var timeout: Duration
  /// Begins the fault.
  var strike: @Sendable () async throws -> Void
  /// Ends it.
  var heal: @Sendable () async throws -> Void
  /// Whether the store can be asked again.
  var isWell: @Sendable () async -> Bool
  /// What it has counted.
  var notes: @Sendable () -> String
  var close: @Sendable () async -> Void
}

/// How long and with how many clients.
public struct FaultPlan: Sendable {
  /// How many clients ask all the time.
  public var clients = 64
  var pause = Duration.milliseconds(5)
  var warmUp = Duration.seconds(1)
  var before = Duration.seconds(2)
  /// How long the fault lasts at most; nil for what each case says.
  var duration: Duration?
  var recoveryLimit = Duration.seconds(20)
  var after = Duration.seconds(2)
  /// What a request may take beyond the store's timeout: the handler's work, and what a machine adds.
  var allowance = Duration.milliseconds(50)

  /// As the documentation's table was made.
  public static let full = FaultPlan()

  /// For tests: a few seconds each, on machines that do other things as well.
  public static let short: FaultPlan = {
    var plan = FaultPlan()
    plan.clients = 50
    plan.pause = .milliseconds(15)
    plan.warmUp = .milliseconds(500)
    plan.before = .milliseconds(500)
    plan.duration = .milliseconds(900)
    plan.after = .milliseconds(600)
    return plan
  }()
}

/// What clients saw of a fault.
public struct FaultResult: Sendable {
  /// What the cache was kept in.
  public let store: String
  /// What happened to it.
  public let fault: String
  /// All requests, from before the fault until after it.
  public internal(set) var requests = 0
  /// Those that were not answered, or not with 200.
  public internal(set) var errors = 0
  /// Those that were answered with something torn, or that is somebody else's.
  public internal(set) var wrong = 0
  /// Those that were answered with something older than an invalidation that had been acknowledged.
  public internal(set) var void = 0
  /// How many invalidations were acknowledged.
  public internal(set) var invalidations = 0
  /// The share of requests answered from the store, in percent: before the fault, during it, and in the end.
  public internal(set) var hits: (before: Double, during: Double, after: Double) = (0, 0, 0)
  /// From the beginning of the fault on, as the clients saw it.
  public internal(set) var latency: (median: Duration, p99: Duration, longest: Duration) = (.zero, .zero, .zero)
  /// The same before the fault.
  public internal(set) var p99Before = Duration.zero
  /// How long the store is waited for at most, as it is configured.
  public internal(set) var timeout = Duration.zero
  /// From the end of the fault until the store was used again; nil when it never was.
  public internal(set) var recovery: Duration?
  /// What the backend has counted.
  public internal(set) var notes = ""
  /// What was promised and not held, whatever else the machine does.
  public internal(set) var broken: [String] = []
  /// What took longer than was promised.
  public internal(set) var late: [String] = []
}

extension FaultCase {
  /// Plays it.
  public func run(_ plan: FaultPlan) async throws -> FaultResult {
    let stage = try await prepare()
    let work = Duration.milliseconds(3)
    let origin = VerifiedOrigin(count: 256, work: work)
    var policy = CachePolicy(timeToLive: .seconds(2))
    policy.originLease = .seconds(2)
    let cache = try CacheLayer(backend: stage.backend, policy: policy)
    let load = Load(clients: max(clients, plan.clients), pause: plan.pause, on: cache, origin)
    try await Task.sleep(for: plan.warmUp)

    let start = Load.now
    let usual = try await cache.hitRatio(over: plan.before)
    let struck = Load.now
    try await stage.strike()
    try await Task.sleep(for: min(duration, plan.duration ?? duration))
    try await stage.heal()
    let healed = Load.now
    var recovered: UInt64?
    while Load.now < healed + plan.recoveryLimit.inWholeNanoseconds {
      if await stage.isWell() {
        recovered = Load.now
        break
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    // The store has to be filled again, too, as quickly as the machine can.
    try await Task.sleep(for: plan.after / 2)
    var attempts = 0
    while try await cache.hitRatio(over: plan.after / 2) < 0.8 * usual, attempts < 20 { attempts += 1 }
    let samples = await load.stop()
    let end = Load.now

    var result = FaultResult(store: store, fault: fault)
    result.requests = samples.count
    result.errors = samples.count { $0.outcome == .failed }
    result.wrong = samples.count { $0.outcome == .wrong }
    result.void = samples.count { $0.outcome == .void }
    result.invalidations = load.invalidations
    func share(_ from: UInt64, _ to: UInt64) -> Double {
      let some = samples.filter { (from..<to).contains($0.start) }
      return some.isEmpty ? 0 : Double(some.count { $0.outcome == .stored }) / Double(some.count) * 100
    }
    func durations(_ from: UInt64, _ to: UInt64) -> [UInt64] {
      samples.lazy.filter { (from..<to).contains($0.start) }.map(\.duration).sorted()
    }
    // What was stored before has expired by then.
    let half = plan.after.inWholeNanoseconds / 2
    result.hits = (share(start, struck), share(struck, healed), share(end - half, end))
    let during = durations(struck, end)
    result.latency = (during.quantile(0.5), during.quantile(0.99), during.quantile(1))
    result.p99Before = durations(start, struck).quantile(0.99)
    result.timeout = stage.timeout
    result.recovery = recovered.map { .nanoseconds($0 - healed) }
    result.notes = stage.notes()
    await stage.close()

    func check(_ holds: Bool, _ promise: String) { if !holds { result.broken.append(promise) } }
    check(result.errors == 0, "\(result.errors) requests failed (\(load.problem ?? "?"))")
    check(result.wrong == 0, "\(result.wrong) bodies were wrong (\(load.problem ?? "?"))")
    check(result.void == 0, "\(result.void) bodies had been invalidated (\(load.problem ?? "?"))")
    if result.latency.p99 > stage.timeout + work + plan.allowance {
      result.late.append("the p99 of \(result.latency.p99) is beyond the timeout of \(stage.timeout)")
    }
    check(recovered != nil, "the store was not used again within \(plan.recoveryLimit)")
    check(result.hits.before > 20, "there were hardly any hits before the fault")
    check(
      result.hits.after > 0.7 * result.hits.before,
      "hits have not come back: \(Int(result.hits.before)) % before, \(Int(result.hits.after)) % in the end")
    check(during.count > plan.clients, "hardly anybody was there during the fault")
    return result
  }
}

extension CacheLayer {
  /// Waits, and says which share of the requests meanwhile was answered from the store.
  fileprivate nonisolated func hitRatio(over duration: Duration) async throws -> Double {
    let before = statistics
    try await Task.sleep(for: duration)
    let after = statistics
    func hits(_ statistics: CacheStatistics) -> Int { statistics.hits + statistics.stale.values.reduce(0, +) }
    return Double(hits(after) - hits(before)) / Double(max(1, after.requests - before.requests))
  }
}

extension [UInt64] {
  /// Of a list in ascending order.
  fileprivate func quantile(_ share: Double) -> Duration {
    isEmpty ? .zero : .nanoseconds(self[Swift.min(count - 1, Int(Double(count) * share))])
  }
}

extension Duration {
  var inWholeNanoseconds: UInt64 { UInt64(self / .nanoseconds(1)) }
}
