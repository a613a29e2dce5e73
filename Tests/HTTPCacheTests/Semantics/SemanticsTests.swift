//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// The rules of HTTP, section by section. `swift test --filter SemanticsTests` runs them all.
@Suite enum SemanticsTests {}

/// What most tests of the rules begin with.
enum Sample {
  /// 2027-01-15T08:00:00Z, a moment by the wall clock.
  static let unix = UnixTime(seconds: 1_800_000_000)
  /// The same moment by the clock that only goes forward.
  static let now = CacheInstant(nanoseconds: 5_000_000 * 1_000_000_000)
  /// A response that came in no time at all.
  static let exchange = ExchangeTimes(requestedAt: now, receivedAt: now, receivedUnix: unix)

  /// The date so many seconds from `unix`.
  static func date(_ offset: Int64 = 0) -> String { HTTPDate.format(UnixTime(seconds: unix.seconds + offset)) }

  /// `now`, so many seconds later.
  static func after(_ seconds: Int64) -> CacheInstant {
    CacheInstant(nanoseconds: now.nanoseconds + seconds * 1_000_000_000)
  }

  /// Fields from lines such as `"Cache-Control: max-age=60"`.
  static func fields(_ lines: [String]) -> HeaderFields {
    var fields = HeaderFields()
    for line in lines {
      let colon = line.firstIndex(of: ":")!
      var name = String(line[..<colon])
      var value = String(line[line.index(after: colon)...])
      name.withUTF8 { name in
        value.withUTF8 { value in
          _ = fields.append(name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(value))
        }
      }
    }
    return fields
  }

  static func fields(_ lines: String...) -> HeaderFields { fields(lines) }

  /// What becomes of a response to GET.
  static func storability(
    _ lines: [String], status: Int = 200, method: RequestMethod = .get, request: [String] = [],
    rules: CachingRules = CachingRules(), exchange: ExchangeTimes = exchange, lifetimeScale: Double = 1
  ) -> Storability {
    RFC9111.storability(
      of: CacheResponse(status: status, fields: fields(lines)),
      to: CacheRequest(method: method, authority: "example.com", target: "/a/b?q=1", fields: fields(request)),
      exchange: exchange, rules: rules, lifetimeScale: lifetimeScale)
  }

  /// How many seconds a response to GET is fresh from its exchange; nil when it is not stored.
  static func freshSeconds(
    _ lines: [String], status: Int = 200, rules: CachingRules = CachingRules(), exchange: ExchangeTimes = exchange
  ) -> Int64? {
    storability(lines, status: status, rules: rules, exchange: exchange).plan?.times.remainingFreshness(
      at: exchange.receivedAt)
  }

  /// Calls `body` with the octets of `text`.
  static func withSpan<Result>(_ text: String, _ body: (Span<UInt8>) -> Result) -> Result {
    body(Array(text.utf8).span)
  }
}
