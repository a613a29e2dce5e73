//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Responses when the origin fails, for requests of every kind (RFC 5861 §4).
@Suite(.timeLimit(.minutes(2))) struct StaleIfErrorTests {
  /// An origin that fails in one of the ways that count as a failure.
  enum Failure: CaseIterable { case error, status500, status502, status503, status504, timeout }

  @Test(
    "HEAD and requests with no-store are served stale too when the origin fails (RFC 5861 §4)",
    arguments: Failure.allCases, ["HEAD", "no-store", "HEAD no-store"])
  func staleIfError(_ failure: Failure, _ kind: String) async throws {
    var policy = CachePolicy()
    policy.hardTimeout = .seconds(5)
    let fixture = try Fixture(policy)
    let service = CountingOrigin { _, number in
      if number == 1 {
        return UpdatingTests.response(["ETag": "\"a\"", "Cache-Control": "max-age=1, stale-if-error=600"], "body")
      }
      switch failure {
      case .error: throw OriginError()
      case .status500: return UpdatingTests.response(500, [:], "error")
      case .status502: return UpdatingTests.response(502, [:], "error")
      case .status503: return UpdatingTests.response(503, [:], "error")
      case .status504: return UpdatingTests.response(504, [:], "error")
      case .timeout: try await Task.sleep(for: .seconds(600))
      }
      return UpdatingTests.response(500, [:])
    }.layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    fixture.advance(2)
    var request = CacheRequest.get("/", kind.contains("no-store") ? ["Cache-Control": "no-store"] : [:])
    if kind.contains("HEAD") { request = request.as(.head) }
    let asked = request
    let isOver = Locked(false)
    let pending = Task {
      defer { isOver.withLock { $0 = true } }
      return try await service.call(asked)
    }
    if failure == .timeout {
      await advance(fixture.clock, by: .seconds(1)) { isOver.withLock { $0 } }
    }
    let response = try await pending.value
    #expect(response.status == 200)
    #expect(response.outcome == .stale(.ifError))
    #expect(try await response.text() == (kind.contains("HEAD") ? "" : "body"))
    // Beyond the window, and for a request that is the origin's alone to judge, the failure shows.
    fixture.advance(700)
    if failure == .status503 { #expect(try await service.call(asked).status == 503) }
  }

  @Test("a request with If-Match gets the failure itself") func staleIfErrorAndIfMatch() async throws {
    let fixture = try Fixture()
    let service = UpdatingTests.script([
      UpdatingTests.response(["ETag": "\"a\"", "Cache-Control": "max-age=1, stale-if-error=600"], "body"),
      UpdatingTests.response(503, [:], "error"),
    ]).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    fixture.advance(2)
    #expect(try await service.call(.get("/", ["If-Match": "\"a\""])).status == 503)
  }
}
