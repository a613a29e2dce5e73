//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The moments of an entry by the wall clock, in milliseconds: the form in which other machines can read them.
struct WireTimes {
  var birth: Int64
  var receivedAt: Int64
  var freshUntil: Int64
  var staleWhileRevalidateUntil: Int64
  var staleIfErrorUntil: Int64
  var reclaimAt: Int64

  private static let nanosecondsPerMillisecond: Int64 = 1_000_000

  /// Rounded down, so that nothing lasts longer than it should; "never" and "always" stay what they are.
  @inline(__always)
  init(_ times: EntryTimes, now: CacheInstant, unixNow: UnixTime) {
    func milliseconds(_ instant: CacheInstant) -> Int64 {
      if instant == .distantFuture { return .max }
      if instant == .distantPast { return .min }
      let distance = instant.nanoseconds.subtractingSaturated(now.nanoseconds)
      return min(
        .max - 1,
        unixNow.milliseconds.addingSaturated(distance.flooredQuotient(dividingBy: Self.nanosecondsPerMillisecond)))
    }
    birth = milliseconds(times.birth)
    receivedAt = milliseconds(times.receivedAt)
    freshUntil = milliseconds(times.freshUntil)
    staleWhileRevalidateUntil = milliseconds(times.staleWhileRevalidateUntil)
    staleIfErrorUntil = milliseconds(times.staleIfErrorUntil)
    reclaimAt = milliseconds(times.reclaimAt)
  }

  init(
    birth: Int64, receivedAt: Int64, freshUntil: Int64, staleWhileRevalidateUntil: Int64, staleIfErrorUntil: Int64,
    reclaimAt: Int64
  ) {
    self.birth = birth
    self.receivedAt = receivedAt
    self.freshUntil = freshUntil
    self.staleWhileRevalidateUntil = staleWhileRevalidateUntil
    self.staleIfErrorUntil = staleIfErrorUntil
    self.reclaimAt = reclaimAt
  }

  /// The moments by this process's clock.
  ///
  /// What was received in the future has been written by a clock that is ahead of ours: all its moments are moved back
  /// until it was received now. It then lives on for as long as when it was written.
  @inline(__always)
  func entryTimes(now: CacheInstant, unixNow: UnixTime) -> EntryTimes {
    let reference = max(unixNow.milliseconds, receivedAt)
    func instant(_ milliseconds: Int64) -> CacheInstant {
      if milliseconds == .max { return .distantFuture }
      if milliseconds == .min { return .distantPast }
      return now.advanced(
        byNanoseconds: milliseconds.subtractingSaturated(reference)
          .multipliedSaturated(by: Self.nanosecondsPerMillisecond))
    }
    return EntryTimes(
      birth: instant(birth), receivedAt: instant(receivedAt), freshUntil: instant(freshUntil),
      staleWhileRevalidateUntil: instant(staleWhileRevalidateUntil),
      staleIfErrorUntil: instant(staleIfErrorUntil), reclaimAt: instant(reclaimAt))
  }
}
