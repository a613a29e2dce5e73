//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Keeps every event, for tests to look at and to wait for.
public final class EventRecorder: CacheObserver {
  private struct State {
    var events: [CacheEvent] = []
    var waiters: [(matches: (CacheEvent) -> Bool, continuation: CheckedContinuation<CacheEvent, Never>)] = []
  }

  private let state = Locked(State())

  /// A recorder that has seen nothing yet.
  public init() {}

  /// Keeps `event`, and wakes whoever waits for its kind.
  public func record(_ event: CacheEvent) {
    let waiters = state.withLock { state in
      state.events.append(event)
      let satisfied = state.waiters.filter { $0.matches(event) }
      state.waiters.removeAll { $0.matches(event) }
      return satisfied.map(\.continuation)
    }
    for waiter in waiters { waiter.resume(returning: event) }
  }

  /// Everything so far, in order.
  public var events: [CacheEvent] { state.withLock { $0.events } }

  /// What has happened so far, in order.
  public var kinds: [CacheEvent.Kind] { events.map(\.kind) }

  /// The first event of `kind`, when it has happened.
  @discardableResult
  public func waitFor(_ kind: CacheEvent.Kind) async -> CacheEvent {
    await withCheckedContinuation { continuation in
      let ready = state.withLock { state -> CacheEvent? in
        if let event = state.events.first(where: { $0.kind == kind }) { return event }
        state.waiters.append(({ $0.kind == kind }, continuation))
        return nil
      }
      if let ready { continuation.resume(returning: ready) }
    }
  }
}
