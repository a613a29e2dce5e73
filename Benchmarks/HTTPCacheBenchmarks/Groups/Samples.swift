//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The requests and responses that the groups have in common.
enum Samples {
  /// The request of the original's layer benchmarks.
  static let request = CacheRequest(
    authority: "bench.example.com", target: "/catalog/items/42?locale=en-US",
    fields: ["Host": "bench.example.com", "User-Agent": "bench/1.0", "Accept": "*/*"])

  static func request(_ number: Int) -> CacheRequest {
    CacheRequest(authority: "bench.example.com", target: "/catalog/items/\(number)?locale=en-US")
  }

  /// A response with five fields.
  static func response(_ size: Int) -> CacheResponse {
    CacheResponse(
      fields: [
        "Content-Type": "application/json", "ETag": "\"33a64df551425fcc55e4d42a148795d9f25f89d4\"",
        "Date": "Tue, 24 Nov 2026 10:00:00 GMT", "Cache-Control": "public, max-age=3600",
        "Content-Length": String(size),
      ], body: Body(Bytes(repeatElement(UInt8(ascii: "x"), count: size))))
  }

  /// An entry of `size` bytes that lasts for an hour.
  static func entry(_ key: CacheKey, _ size: Int) -> CacheEntry {
    let now = CacheClock.system.now
    let end = now.advanced(by: .seconds(3600))
    return CacheEntry(
      key: key, status: 200, fields: response(size).fields,
      body: Bytes(repeatElement(UInt8(ascii: "x"), count: size)),
      times: EntryTimes(
        birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
        reclaimAt: end))
  }

  static func key(_ number: Int) -> CacheKey {
    CacheKey(scheme: "http", authority: "bench.example.com", target: "/catalog/items/\(number)?locale=en-US")
  }

  static func policy() -> CachePolicy {
    CachePolicy(
      timeToLive: .seconds(60), staleWhileRevalidate: .seconds(10), refreshBeforeExpiration: .seconds(1))
  }
}
