//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// What a benchmark has prepared: the work that is timed, and a look at whether it is the work that the name promises.
struct Work: Sendable {
  enum Body: Sendable {
    case synchronous(@Sendable (_ count: Int) throws -> Void)
    case asynchronous(@Sendable (_ count: Int) async throws -> Void)
    /// No work to be timed, but something to be counted.
    case quantity(unit: String, @Sendable () async throws -> Double)
  }

  let body: Body
  /// Done once before and once after measuring; throws when something else would be, or has been, measured.
  let check: @Sendable () async throws -> Void

  /// Work that never waits.
  static func synchronous(
    check: @escaping @Sendable () async throws -> Void = {}, _ body: @escaping @Sendable (_ count: Int) throws -> Void
  ) -> Work {
    Work(body: .synchronous(body), check: check)
  }

  /// Something that is counted, in `unit`.
  static func quantity(_ unit: String, _ count: @escaping @Sendable () async throws -> Double) -> Work {
    Work(body: .quantity(unit: unit, count), check: {})
  }

  /// Work that may wait.
  static func asynchronous(
    check: @escaping @Sendable () async throws -> Void = {},
    _ body: @escaping @Sendable (_ count: Int) async throws -> Void
  ) -> Work {
    Work(body: .asynchronous(body), check: check)
  }
}

/// A benchmark that measures something else than it says.
struct WrongWork: Error, CustomStringConvertible {
  let description: String
}

/// Asks `service` and sees to it that the cache did what is expected.
func expect(
  _ outcome: CacheOutcome, status: Int = 200, of request: CacheRequest,
  from service: some Service<CacheRequest, CacheResponse>
) async throws {
  let response = try await service.call(request)
  guard response.outcome == outcome, response.status == status else {
    throw WrongWork(
      description: """
        this benchmark is about \(outcome) with status \(status), but the response was \
        \(response.outcome.map { "\($0)" } ?? "no cache's") with status \(response.status)
        """)
  }
}

/// Sees to it that something holds.
func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
  guard condition else { throw WrongWork(description: "this benchmark is about something else: \(what())") }
}
