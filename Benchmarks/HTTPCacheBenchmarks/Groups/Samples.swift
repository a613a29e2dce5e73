//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache

/// What the benchmarks ask, and what they are answered.
enum Samples {
  /// The request of the original's layer benchmarks.
  static let request = CacheRequest(
    authority: "bench.example.com", target: "/catalog/items/42?locale=en-US",
    fields: ["Host": "bench.example.com", "User-Agent": "bench/1.0", "Accept": "*/*"])

  static func request(_ number: Int) -> CacheRequest {
    CacheRequest(authority: "bench.example.com", target: "/catalog/items/\(number)?locale=en-US")
  }

  /// A response with five fields, made at this moment and fresh for an hour from now on.
  static func response(_ size: Int) -> CacheResponse {
    CacheResponse(
      fields: [
        "Content-Type": "application/json", "ETag": "\"33a64df551425fcc55e4d42a148795d9f25f89d4\"",
        "Date": dateNow(), "Cache-Control": "public, max-age=3600",
        "Content-Length": String(size),
      ], body: Body(Bytes(repeatElement(UInt8(ascii: "x"), count: size))))
  }

  /// The time of day as a `Date` field has it (RFC 9110 §5.6.7).
  private static func dateNow() -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return formatter.string(from: Date())
  }

  /// An entry of `size` bytes that lasts for an hour.
  static func entry(_ key: CacheKey, _ size: Int) -> CacheEntry {
    entry(key, response(size))
  }

  static func entry(_ key: CacheKey, _ response: CacheResponse) -> CacheEntry {
    let now = CacheClock.system.now
    let end = now.advanced(by: .seconds(3600))
    return CacheEntry(
      key: key, status: 200, fields: response.fields, body: response.body.bytes ?? Bytes(),
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
