//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A value that comes once, and those who wait for it.
package final class OneShot<Value: Sendable>: Sendable {
  private struct State {
    var value: Value?
    var waiters: [(id: Int, continuation: UnsafeContinuation<Value?, Never>)] = []
    var nextID = 0
  }

  private let state = Locked(State())

  /// Creates one whose value has yet to come.
  package init() {}

  /// Gives the value to all who wait, and to all who will ask. Only the first value counts.
  ///
  /// - Returns: Whether this was the first.
  @discardableResult
  package func finish(_ value: Value) -> Bool {
    let waiters = state.withLock { state -> [UnsafeContinuation<Value?, Never>]? in
      guard state.value == nil else { return nil }
      state.value = value
      defer { state.waiters = [] }
      return state.waiters.map(\.continuation)
    }
    for waiter in waiters ?? [] { waiter.resume(returning: value) }
    return waiters != nil
  }

  /// The value, if it has come.
  package var current: Value? { state.withLock { $0.value } }

  /// Returns the value when it has come, or nil when the task is cancelled before.
  package func value() async -> Value? {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let ready = state.withLock { state -> Value?? in
          if let value = state.value { return .some(value) }
          // Cancelled before there was anything to take out.
          if Task.isCancelled { return .some(nil) }
          state.waiters.append((id, continuation))
          return nil
        }
        if let ready { continuation.resume(returning: ready) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
      }
      waiter?.resume(returning: nil)
    }
  }
}
