//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// The log of requests that models can be trained on (``MLLogging``).
@Suite struct MLLogTests {
  private let clock = ManualClock()
  private let sink = MemorySink()

  private func cache(
    _ logging: MLLogging,
    respond: @escaping @Sendable (CacheRequest) -> CacheResponse = { _ in
      CacheResponse(fields: ["Cache-Control": "max-age=60", "Cache-Tag": "a, b"], body: "hello")
    }
  ) throws -> (CacheLayer, some Service<CacheRequest, CacheResponse>) {
    var policy = CachePolicy()
    policy.name = "pages"
    policy.mlLogging = logging
    let cache = try CacheLayer(backend: InMemoryBackend(clock: CacheClock(clock)), policy: policy)
    let clock = clock
    return (
      cache,
      Handler { request in
        clock.advance(by: .milliseconds(20))
        return respond(request)
      }.layer(cache)
    )
  }

  @Test func `each request makes one line that says what became of it`() async throws {
    let (cache, service) = try cache(MLLogging(hashKeys: false, sink: sink))
    _ = try await service.call(.get("/p?\"q"))
    clock.advance(by: .seconds(2))
    _ = try await service.call(.get("/p?\"q"))
    _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/p?\"q"))
    await cache.flushLogs()
    let lines = sink.objects
    try #require(lines.count == 2)
    let miss = lines[0]
    #expect(miss["operation"] as? String == "cache_miss")
    #expect(miss["reason"] as? String == "uri-miss")
    #expect(miss["latency_us"] as? Double == 20_000)
    #expect(miss["origin_us"] as? Double == 20_000)
    #expect(miss["stored"] as? Bool == true)
    #expect(miss["timestamp"] as? String == "2026-01-01T00:00:00.020Z")
    #expect(miss["request_id"] == nil)
    let hit = lines[1]
    #expect(hit["operation"] as? String == "cache_hit")
    #expect(hit["method"] as? String == "GET")
    #expect(hit["status"] as? Int == 200)
    #expect(hit["bytes"] as? Int == 5)
    #expect(hit["ttl"] as? Int == 57)
    #expect(hit["age"] as? Int == 2)
    #expect(hit["tier"] as? String == "l1")
    #expect(hit["policy"] as? String == "pages")
    #expect(hit["key"] as? String == "http://example.com/p?\"q")
    #expect(hit["tags"] as? [String] == ["a", "b"])
    #expect(hit["weight"] as? Int == 1)
    #expect(hit["timestamp"] as? String == "2026-01-01T00:00:02.020Z")
    #expect(cache.logStatistics.written == 2)
    #expect(cache.logStatistics.dropped == 0)
  }

  @Test func `keys are hashed with a secret`() async throws {
    func keys(_ secret: String) async throws -> [String] {
      let sink = MemorySink()
      var logging = MLLogging(sink: sink)
      logging.hashSecret = secret
      let (cache, service) = try cache(logging)
      for target in ["/a", "/a", "/b"] { _ = try await service.call(.get(target)) }
      await cache.flushLogs()
      return sink.objects.compactMap { $0["key"] as? String }.sorted()
    }
    let first = try await keys("x")
    #expect(first.count == 3)
    #expect(Set(first).count == 2)
    #expect(first.allSatisfy { $0.count == 32 && !$0.contains("/") })
    #expect(try await keys("x") == first)
    #expect(Set(try await keys("y")).isDisjoint(with: first))
    #expect(Set(try await keys("")).isDisjoint(with: try await keys("")))
  }

  @Test func `all requests for a key are logged or none, with the weight`() async throws {
    let (cache, service) = try cache(MLLogging(sampleRate: 0.25, hashKeys: false, sink: sink))
    for _ in 0..<3 {
      for number in 0..<200 { _ = try await service.call(.get("/\(number)")) }
      await cache.flushLogs()
    }
    let counts = Dictionary(sink.objects.map { ($0["key"] as? String, 1) }, uniquingKeysWith: +)
    #expect(counts.values.allSatisfy { $0 == 3 })
    #expect((20...90).contains(counts.count))
    #expect(sink.objects.allSatisfy { $0["weight"] as? Int == 4 })
  }

  @Test func `a log that is not enabled has no lines`() async throws {
    let (cache, service) = try cache(MLLogging(enabled: false, includeRequestID: true, sink: sink))
    let response = try await service.call(.get("/"))
    await cache.flushLogs()
    #expect(sink.lines.isEmpty)
    #expect(response.fields[RequestID.field] == nil)
  }

  @Test(arguments: [0, -1, 1.5, .nan])
  func `a rate that is none is refused`(rate: Double) {
    #expect(throws: CacheConfigurationError.self) { try cache(MLLogging(sampleRate: rate, sink: sink)) }
  }

  // MARK: Identifiers

  /// Fields that a client sends, and the identifier that comes of them; nil for a new one.
  static let identifiers: [(HeaderFields, String?)] = [
    (["X-Request-ID": "abc-123"], "abc-123"),
    (["X-Request-ID": String(repeating: "x", count: 128)], String(repeating: "x", count: 128)),
    (["X-Request-ID": String(repeating: "x", count: 129)], nil),
    (["X-Request-ID": "a b"], nil),
    (["X-Request-ID": "ä"], nil),
    (["X-Request-ID": ""], nil),
    (["traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], "0af7651916cd43dd8448eb211c80319c"),
    (["traceparent": "00-00000000000000000000000000000000-b7ad6b7169203331-01"], nil),
    (["traceparent": "nonsense"], nil),
    ([:], nil),
  ]

  @Test(arguments: identifiers.indices)
  func `handler, response and log have one identifier, on a miss and on a hit`(index: Int) async throws {
    let (fields, expected) = Self.identifiers[index]
    let seen = Locked<[String?]>([])
    let (cache, service) = try cache(MLLogging(includeRequestID: true, sink: sink)) { request in
      seen.withLock { $0.append(request.fields[RequestID.field]) }
      return CacheResponse(fields: ["Cache-Control": "max-age=60", "X-Request-ID": "the handler's"], body: "x")
    }
    var identifiers: [String] = []
    for _ in 0..<2 {
      let response = try await service.call(.get("/", fields))
      #expect(response.fields.values(of: RequestID.field).count == 1)
      identifiers.append(try #require(response.fields[RequestID.field]))
    }
    #expect(seen.withLock { $0 } == [identifiers[0]])
    await cache.flushLogs()
    #expect(sink.objects.map { $0["request_id"] as? String } == identifiers)
    #expect(sink.objects.map { $0["operation"] as? String } == ["cache_miss", "cache_hit"])
    if let expected {
      #expect(identifiers == [expected, expected])
    } else {
      #expect(identifiers[0] != identifiers[1])
      #expect(identifiers.allSatisfy { $0.utf8.count == 32 })
    }
    // Nor is it stored.
    guard
      case .found(let entry) = cache.backend.peek(
        CacheKey(scheme: "http", authority: "example.com", target: "/"), at: clock.now)
    else {
      Issue.record("nothing is stored")
      return
    }
    #expect(!entry.fields.contains(RequestID.field))
  }
}
