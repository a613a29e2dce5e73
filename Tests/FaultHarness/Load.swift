//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Dispatch
import HTTPCache
import Synchronization

/// Clients that ask one thing after the other, for as long as they are let, and look at all they get; and somebody who
/// changes resources and invalidates them meanwhile.
final class Load: Sendable {
  /// One request, as its client saw it.
  struct Sample {
    enum Outcome: UInt8 { case stored, made, failed, wrong, void }

    /// In nanoseconds.
    var start: UInt64
    var duration: UInt64
    var outcome: Outcome
  }

  private let cache: CacheLayer
  private let origin: VerifiedOrigin
  private let isOver = Atomic(false)
  private let firstFailure = Locked<String?>(nil)
  private let invalidationCount = Atomic(0)
  private let tasks = Locked<[Task<[Sample], Never>]>([])

  /// Sets them going.
  ///
  /// - Parameter pause: How long a client waits between an answer and its next request.
  init(clients: Int, pause: Duration, on cache: CacheLayer, _ origin: VerifiedOrigin) {
    self.cache = cache
    self.origin = origin
    tasks.withLock { tasks in
      for _ in 0..<clients { tasks.append(Task { await self.ask(pause) }) }
      tasks.append(
        Task {
          await self.change()
          return []
        })
    }
  }

  static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// What went wrong first, if something did.
  var problem: String? { firstFailure.withLock { $0 } }
  /// How many invalidations were acknowledged.
  var invalidations: Int { invalidationCount.load(ordering: .relaxed) }

  /// Lets them finish.
  func stop() async -> [Sample] {
    isOver.store(true, ordering: .relaxed)
    var samples: [Sample] = []
    for task in tasks.withLock({ $0 }) { samples += await task.value }
    return samples
  }

  private func ask(_ pause: Duration) async -> [Sample] {
    let service = Handler { [origin] in try await origin.answer($0) }.layer(cache)
    var samples: [Sample] = []
    while !isOver.load(ordering: .relaxed) {
      // Some are asked for more than others.
      let index = Int(Double(origin.count) * pow2(Double.random(in: 0..<1)))
      let oldest = origin.promised(index)
      let start = Self.now
      var outcome = Sample.Outcome.failed
      do {
        let response = try await service.call(VerifiedOrigin.request(index))
        let body = try await response.body.collect()
        if response.status == 200 {
          switch origin.finding(body, of: index, notBefore: oldest) {
          case .wrong: outcome = .wrong
          case .void: outcome = .void
          case .right: outcome = response.outcome.map(Self.isFromStore) == true ? .stored : .made
          }
        }
        if outcome.rawValue > Sample.Outcome.made.rawValue {
          note(
            "item \(index): \(outcome), status \(response.status), \(body.count) octets, \(response.outcome, default: "no outcome")"
          )
        }
      } catch {
        note("item \(index): \(error)")
      }
      samples.append(Sample(start: start, duration: Self.now - start, outcome: outcome))
      try? await Task.sleep(for: pause)
    }
    return samples
  }

  private func pow2(_ value: Double) -> Double { value * value }

  private static func isFromStore(_ outcome: CacheOutcome) -> Bool {
    switch outcome {
    case .hit, .stale: true
    default: false
    }
  }

  private func note(_ text: String) { firstFailure.withLock { $0 = $0 ?? text } }

  private func change() async {
    while !isOver.load(ordering: .relaxed) {
      let index = Int.random(in: 0..<origin.count)
      let version = origin.change(index)
      // Holds in this process, also when the store could not be told.
      let receipt = await cache.invalidate(VerifiedOrigin.invalidation(index))
      origin.promise(version, for: index)
      if receipt.isComplete { invalidationCount.wrappingAdd(1, ordering: .relaxed) }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }
}
