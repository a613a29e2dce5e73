//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Testing

  @testable import ExampleSupport

  /// Requests that wait for a connection of a pool that has none left.
  @Suite(.timeLimit(.minutes(2))) struct UpstreamPoolTests {
    /// A pool whose only connection is taken.
    private func emptyPool(timeout: Duration) async throws -> (UpstreamPool, ConnectionLease) {
      let pool = UpstreamPool(
        limit: 1, reserve: 0, timeout: timeout, shareTimeout: .seconds(1), origin: "origin.example")
      guard case .slot(let lease) = try await lease(pool) else { throw CancellationError() }
      return (pool, lease)
    }

    private func lease(_ pool: UpstreamPool) async throws -> UpstreamPool.Grant {
      try await pool.lease(preferring: nil, isFresh: false, hasContent: false)
    }

    @Test func `a timeout of nothing ends the waiting also when it is over before the waiting has begun`() async throws
    {
      let (pool, lease) = try await emptyPool(timeout: .zero)
      for _ in 0..<5_000 {
        let error = await #expect(throws: UpstreamError.self) { try await self.lease(pool) }
        #expect(error?.kind == .overloaded)
      }
      #expect(pool.waitingCount == 0)
      pool.didClose(after: lease)
    }

    @Test func `a cancellation ends the waiting at whatever moment it comes`() async throws {
      let (pool, lease) = try await emptyPool(timeout: .seconds(3_600))
      for round in 0..<5_000 {
        let waiting = Task { try await self.lease(pool) }
        for _ in 0..<round % 8 { await Task.yield() }
        waiting.cancel()
        let result = await waiting.result
        #expect(throws: CancellationError.self) { try result.get() }
      }
      #expect(pool.waitingCount == 0)
      pool.didClose(after: lease)
    }
  }
#endif
