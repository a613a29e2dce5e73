//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The times at which a response was asked for and came (RFC 9111 §4.2.3).
struct ExchangeTimes: Hashable, Sendable {
  /// `request_time`.
  var requestedAt: CacheInstant
  /// `response_time`.
  var receivedAt: CacheInstant
  /// `response_time` by the wall clock, to be compared with `Date`.
  var receivedUnix: UnixTime

  /// How long it took, in nanoseconds: by the moments, unless it was measured with a finer clock.
  var originNanoseconds: Int64

  init(requestedAt: CacheInstant, receivedAt: CacheInstant, receivedUnix: UnixTime) {
    self.requestedAt = requestedAt
    self.receivedAt = receivedAt
    self.receivedUnix = receivedUnix
    originNanoseconds = receivedAt.nanoseconds.subtractingSaturated(requestedAt.nanoseconds)
  }
}
