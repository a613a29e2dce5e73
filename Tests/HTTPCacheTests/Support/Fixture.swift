//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

/// A cache on a manual clock, in front of an origin that the test answers for.
struct Fixture {
  let clock = ManualClock()
  let events = EventRecorder()
  let backend: InMemoryBackend
  let cache: CacheLayer

  init(_ policy: CachePolicy = CachePolicy()) throws {
    try self.init(PolicyRouter(default: policy))
  }

  init(_ policies: PolicyRouter) throws {
    let clock = CacheClock(self.clock)
    backend = try InMemoryBackend(configuration: InMemoryBackend.Configuration(capacity: 64 << 20, clock: clock))
    cache = try CacheLayer(backend: backend, policies: policies, observers: [events], clock: clock)
  }

  func advance(_ seconds: Int) { clock.advance(by: .seconds(seconds)) }

  /// Sends `count` requests for one URL, and returns when all wait for one call.
  func crowd(
    _ count: Int, _ service: some Service<CacheRequest, CacheResponse>,
    request: @escaping @Sendable (Int) -> CacheRequest = { _ in .get("/") }
  ) async -> [Task<String, any Error>] {
    var tasks: [Task<String, any Error>] = []
    for number in 0..<count {
      tasks.append(
        Task {
          let response = try await service.call(request(number))
          return "\(response.status) \(try await response.text())"
        })
    }
    await cache.waitForWaiters(count)
    return tasks
  }
}

/// An origin that answers at once, and counts.
struct CountingOrigin: Service {
  let count = Counter()
  let body: @Sendable (CacheRequest, Int) async throws -> CacheResponse

  init(_ body: @escaping @Sendable (CacheRequest, Int) async throws -> CacheResponse) { self.body = body }

  /// Answers with the number of the call as the body.
  init(status: Int = 200, _ fields: HeaderFields = [:]) {
    self.init { _, number in CacheResponse(status: status, fields: fields, body: Body("answer \(number)")) }
  }

  func call(_ request: CacheRequest) async throws -> CacheResponse {
    try await body(request, count.increment())
  }
}

final class Counter: Sendable {
  private let state = Locked(0)
  var value: Int { state.withLock { $0 } }

  @discardableResult
  func increment() -> Int {
    state.withLock { value in
      value += 1
      return value
    }
  }
}

struct OriginError: Error, Equatable {
  var code = 1
}

extension CacheResponse {
  func text() async throws -> String { String(decoding: try await body.collect(), as: UTF8.self) }
}

extension CacheRequest {
  static func get(_ target: String, _ fields: HeaderFields = [:]) -> CacheRequest {
    CacheRequest(authority: "example.com", target: target, fields: fields)
  }
}

extension CacheLayer {
  /// How many requests wait for flights.
  nonisolated var waiterCount: Int { flights.all.reduce(0) { $0 + $1.waiting.count } }

  /// Returns when `count` requests wait for flights.
  nonisolated func waitForWaiters(_ count: Int) async {
    await eventually { waiterCount >= count }
  }
}

/// Returns when `condition` holds. For what no event announces; it looks again every millisecond, so that what is waited for
/// gets the processor, and a test that waits in vain is ended by its time limit.
func eventually(_ condition: () async throws -> Bool) async rethrows {
  while try await !condition() {
    do { try await Task.sleep(for: .milliseconds(1)) } catch { return }
  }
}

/// Moves the clock on in steps until `condition` holds, so that whoever sleeps by it does its work.
///
/// Between the steps everybody gets a turn, several times: a machine that is busy with other tests must not make those who
/// were woken look slow.
func advance(_ clock: ManualClock, by step: Duration, until condition: () async throws -> Bool) async rethrows {
  while try await !condition() {
    clock.advance(by: step)
    for _ in 0..<20 { await Task.yield() }
    do { try await Task.sleep(for: .milliseconds(1)) } catch { return }
  }
}

extension CacheLayer {
  /// Returns when no flight is under way.
  nonisolated func waitForLandings() async { await eventually { flights.isEmpty } }
}
