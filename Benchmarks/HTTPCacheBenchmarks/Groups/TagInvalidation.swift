//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// What tags cost a hit, and what invalidating costs.
enum TagInvalidation {
  static let benchmarks = [
    hit("0_tags", "a hit on an entry without tags", tagCount: 0),
    hit("4_tags", "a hit on an entry with four tags, nothing invalidated since", tagCount: 4),
    hit("4_tags/call_under_way", "the same while a handler is at work on something else", tagCount: 4, isBusy: true),
    peek("0_tags", "find an entry without tags", tagCount: 0),
    peek("4_tags", "find an entry with four tags, nothing invalidated since", tagCount: 4),
    Benchmark("tags/peek/4_tags/after_another", "invalidate a tag, then find an entry that does not have it") {
      let backend = InMemoryBackend()
      let key = Samples.key(1)
      _ = backend.storeNow(entry(key, tags(4)))
      let now = CacheClock.system.now
      return .asynchronous { count in
        for _ in 0..<count {
          await backend.invalidate(CacheInvalidation(.anyTag(["another"])))
          consume(backend.peek(key, at: now))
        }
      }
    },
    Benchmark("tags/invalidate/tag", "invalidate a tag that 100,000 entries have") {
      let backend = InMemoryBackend(capacity: 1 << 30)
      let tags = Self.tags(4)
      for number in 0..<100_000 { _ = backend.storeNow(entry(Samples.key(number), tags)) }
      return .asynchronous { count in
        for _ in 0..<count { await backend.invalidate(CacheInvalidation(.anyTag(["tag:1"]))) }
      }
    },
    Benchmark("tags/store/4_tags", "overwrite an entry with four tags") {
      let backend = InMemoryBackend()
      let entry = Self.entry(Samples.key(1), tags(4))
      return .synchronous { count in
        for _ in 0..<count { consume(backend.storeNow(entry)) }
      }
    },
  ]

  static func tags(_ count: Int) -> CacheTags? { CacheTags((0..<count).map { "tag:\($0)" }) }

  static func entry(_ key: CacheKey, _ tags: CacheTags?) -> CacheEntry {
    let now = CacheClock.system.now
    let end = now.advanced(by: .seconds(36_000))
    return CacheEntry(
      key: key, status: 200, fields: fields, body: body,
      times: EntryTimes(
        birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
        reclaimAt: end), tags: tags)
  }

  private static let fields: HeaderFields = ["Content-Type": "application/json"]
  private static let body = Bytes(repeatElement(UInt8(ascii: "x"), count: 256))

  private static func hit(_ name: String, _ summary: String, tagCount: Int, isBusy: Bool = false) -> Benchmark {
    Benchmark("tags/hit/\(name)", summary) {
      let blocker = BodyChannel()
      let service = Handler { request in
        if request.target == "/blocker" {
          return CacheResponse(fields: ["Cache-Control": "max-age=3600"], body: blocker.body)
        }
        if let tags = Self.tags(tagCount) { CacheTags.add(tags.names) }
        return CacheResponse(fields: ["Cache-Control": "max-age=3600"], body: "x")
      }.layer(try CacheLayer(backend: InMemoryBackend(), policy: Samples.policy()))
      let request = Samples.request
      _ = try await service.call(request)
      // The scope of a response is open until its body has ended, or its reader has gone.
      let blocked = isBusy ? try await service.call(CacheRequest(target: "/blocker")) : nil
      return .asynchronous { count in
        for _ in 0..<count { consume(try await service.call(request)) }
        consume(blocked?.status)
      }
    }
  }

  private static func peek(_ name: String, _ summary: String, tagCount: Int) -> Benchmark {
    Benchmark("tags/peek/\(name)", summary) {
      let backend = InMemoryBackend()
      let key = Samples.key(1)
      _ = backend.storeNow(entry(key, tags(tagCount)))
      let now = CacheClock.system.now
      return .synchronous { count in
        for _ in 0..<count { consume(backend.peek(key, at: now)) }
      }
    }
  }
}
