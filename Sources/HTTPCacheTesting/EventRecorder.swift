//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Keeps every event, for tests to look at and to wait for.
public final class EventRecorder: CacheObserver {
  private struct Waiter {
    let matches: @Sendable (CacheEvent) -> Bool
    /// How many more are waited for.
    var missing: Int
    let continuation: CheckedContinuation<CacheEvent, Never>
  }

  private struct State {
    var events: [CacheEvent] = []
    var waiters: [Waiter] = []
  }

  private let state = Locked(State())

  /// A recorder that has seen nothing yet.
  public init() {}

  /// Keeps `event`, and wakes whoever waits for it.
  public func record(_ event: CacheEvent) {
    let satisfied = state.withLock { state in
      state.events.append(event)
      for index in state.waiters.indices where state.waiters[index].matches(event) { state.waiters[index].missing -= 1 }
      let satisfied = state.waiters.filter { $0.missing == 0 }
      state.waiters.removeAll { $0.missing == 0 }
      return satisfied
    }
    for waiter in satisfied { waiter.continuation.resume(returning: event) }
  }

  /// Everything so far, in order.
  public var events: [CacheEvent] { state.withLock { $0.events } }

  /// What has happened so far, in order.
  public var kinds: [CacheEvent.Kind] { events.map(\.kind) }

  /// Forgets what has happened so far. Those who wait go on waiting for the rest.
  public func removeAll() { state.withLock { $0.events = [] } }

  /// The first event of `kind`, or the `count`-th, when it has happened.
  @discardableResult
  public func waitFor(_ kind: CacheEvent.Kind, count: Int = 1) async -> CacheEvent {
    await waitFor(count: count) { $0.kind == kind }
  }

  /// The first event that `predicate` is true for, or the `count`-th, when it has happened. Events from before the call count.
  @discardableResult
  public func waitFor(
    count: Int = 1, where predicate: @escaping @Sendable (CacheEvent) -> Bool
  ) async -> CacheEvent {
    precondition(count > 0, "there is no event before the first")
    return await withCheckedContinuation { continuation in
      let ready = state.withLock { state -> CacheEvent? in
        let matching = state.events.filter(predicate)
        if matching.count >= count { return matching[count - 1] }
        state.waiters.append(
          Waiter(matches: predicate, missing: count - matching.count, continuation: continuation))
        return nil
      }
      if let ready { continuation.resume(returning: ready) }
    }
  }
}
