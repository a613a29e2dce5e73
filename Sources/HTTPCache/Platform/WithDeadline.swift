//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The time for an operation was over.
package struct DeadlineExceeded: Error {}

/// Runs `operation`, but waits for it no longer than `limit`.
///
/// The operation is cancelled at the deadline, and also left behind: one that does not heed cancellation holds nobody up.
///
/// - Throws: ``DeadlineExceeded``, or what `operation` throws.
package func withDeadline<Value: Sendable>(
  _ limit: Duration?, _ clock: CacheClock, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  guard let limit else { return try await operation() }
  let race = OneShot<Result<Value, any Error>>()
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
  guard let result = await race.value() else { throw CancellationError() }
  return try result.get()
}
