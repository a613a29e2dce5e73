//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The time for an operation was over.
struct DeadlineExceeded: Error {}

/// Runs `operation`, but waits for it no longer than `limit`.
///
/// The operation is cancelled at the deadline, and also left behind: one that does not heed cancellation holds nobody up.
///
/// - Throws: ``DeadlineExceeded``, or what `operation` throws.
func withDeadline<Value: Sendable>(
  _ limit: Duration?, _ clock: CacheClock, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  guard let limit else { return try await operation() }
  let race = Race<Value>()
  let work = Task { @concurrent in
    do { race.finish(.success(try await operation())) } catch { race.finish(.failure(error)) }
  }
  let timer = Task { @concurrent in
    if (try? await clock.sleep(until: clock.now.advanced(by: limit))) != nil {
      race.finish(.failure(DeadlineExceeded()))
    }
  }
  defer {
    timer.cancel()
    work.cancel()
  }
  return try await withTaskCancellationHandler {
    try await race.result()
  } onCancel: {
    work.cancel()
    race.finish(.failure(CancellationError()))
  }
}

/// The first result of several.
private struct Race<Value: Sendable>: Sendable {
  private struct State {
    var result: Result<Value, any Error>?
    var waiter: UnsafeContinuation<Value, any Error>?
  }

  private let state = Locked(State())

  func finish(_ result: Result<Value, any Error>) {
    let waiter = state.withLock { state -> UnsafeContinuation<Value, any Error>? in
      guard state.result == nil else { return nil }
      state.result = result
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(with: result)
  }

  func result() async throws -> Value {
    try await withUnsafeThrowingContinuation { continuation in
      let ready = state.withLock { state -> Result<Value, any Error>? in
        if state.result == nil { state.waiter = continuation }
        return state.result
      }
      if let ready { continuation.resume(with: ready) }
    }
  }
}
