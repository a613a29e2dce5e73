//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Observers are told what they want to be told, and nothing else (``CacheObserver/interests``).
@Suite struct InterestTests {
  private final class Recorder: CacheObserver {
    let interests: CacheEvent.Interests
    let kinds = Locked<[CacheEvent.Kind]>([])

    init(_ interests: CacheEvent.Interests) { self.interests = interests }

    func record(_ event: CacheEvent) { kinds.withLock { $0.append(event.kind) } }
  }

  @Test(
    arguments: [
      (.hits, [.answered(.hit), .answered(.hit)]),
      (.misses, [.answered(.miss(.absent)), .answered(.miss(.absent))]),
      ([.stores, .refusals], [.stored, .refused(.noStore)]),
      (.bypasses, [.answered(.bypass(.method))]),
      ([], []),
      (
        .all,
        [
          .stored, .answered(.miss(.absent)), .answered(.hit), .answered(.hit), .refused(.noStore),
          .answered(.miss(.absent)), .invalidated, .answered(.bypass(.method)),
        ]
      ),
    ] as [(CacheEvent.Interests, [CacheEvent.Kind])])
  func `each gets its kinds of events`(interests: CacheEvent.Interests, expected: [CacheEvent.Kind]) async throws {
    let recorder = Recorder(interests)
    let everything = Recorder(.all)
    let cache = try CacheLayer(
      backend: InMemoryBackend(), observers: interests == .all ? [recorder] : [recorder, everything])
    let service = Handler { request in
      CacheResponse(
        fields: ["Cache-Control": request.target == "/no" ? "no-store" : "max-age=60"], body: "x")
    }.layer(cache)
    for target in ["/", "/", "/", "/no"] { _ = try await service.call(.get(target)) }
    _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/"))
    #expect(Set(recorder.kinds.withLock { $0 }) == Set(expected))
    #expect(recorder.kinds.withLock { $0.count { $0 == .answered(.hit) } } == expected.count { $0 == .answered(.hit) })
  }

  @Test func `hits are counted, whoever wants to be told of them`() async throws {
    for interests in [.hits, .misses, [], .all] as [CacheEvent.Interests] {
      let cache = try CacheLayer(backend: InMemoryBackend(), observers: [Recorder(interests)])
      let service = Handler { _ in CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "x") }.layer(cache)
      for _ in 0..<5 { _ = try await service.call(.get("/")) }
      #expect(cache.statistics.hits == 4)
    }
  }
}
