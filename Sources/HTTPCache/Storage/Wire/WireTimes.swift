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

  /// By how many milliseconds the clocks of writer and reader may differ, and so how much longer than written an entry may live.
  static let tolerance: Int64 = 2000

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
  /// An entry that was received in the future has been written by a clock that is ahead of ours. By a little, all its moments
  /// are moved back until it was received now.
  ///
  /// - Returns: Nil when it is more than ``tolerance``: nobody can say how old the entry is.
  @inline(__always)
  func entryTimes(now: CacheInstant, unixNow: UnixTime) -> EntryTimes? {
    guard receivedAt <= unixNow.milliseconds.addingSaturated(Self.tolerance) else { return nil }
    let reference = max(unixNow.milliseconds, receivedAt)
    return nearTimes(now: now, reference: reference) ?? anyTimes(now: now, reference: reference)
  }

  /// The same, unless a moment is so far from now that it takes a closer look.
  @inline(__always)
  private func nearTimes(now: CacheInstant, reference: Int64) -> EntryTimes? {
    // 2^42 milliseconds are 139 years, 4.4 * 10^18 nanoseconds: their sum with a moment below 2^62 does not overflow. "Never"
    // and "always" are out of reach of a reference below 2^62, also where the difference overflows.
    let reach: Int64 = 1 << 42
    var excess: UInt64 = 0
    func instant(_ milliseconds: Int64) -> CacheInstant {
      let distance = milliseconds &- reference
      excess |= UInt64(bitPattern: distance &+ reach)
      return CacheInstant(nanoseconds: now.nanoseconds &+ distance &* Self.nanosecondsPerMillisecond)
    }
    let times = EntryTimes(
      birth: instant(birth), receivedAt: instant(receivedAt), freshUntil: instant(freshUntil),
      staleWhileRevalidateUntil: instant(staleWhileRevalidateUntil),
      staleIfErrorUntil: instant(staleIfErrorUntil), reclaimAt: instant(reclaimAt))
    let isNear = excess < UInt64(2 * reach) && now.nanoseconds.magnitude | reference.magnitude < 1 << 62
    return isNear ? times : nil
  }

  @inline(never)
  private func anyTimes(now: CacheInstant, reference: Int64) -> EntryTimes {
    func instant(_ milliseconds: Int64) -> CacheInstant {
      if milliseconds == .max { return .distantFuture }
      if milliseconds == .min { return .distantPast }
      return now.advanced(
        byNanoseconds: milliseconds.subtractingSaturated(reference)
          .multipliedSaturated(by: Self.nanosecondsPerMillisecond))
    }
    return EntryTimes(
      // Nothing is received at the end of time.
      birth: instant(birth), receivedAt: min(instant(receivedAt), now), freshUntil: instant(freshUntil),
      staleWhileRevalidateUntil: instant(staleWhileRevalidateUntil),
      staleIfErrorUntil: instant(staleIfErrorUntil), reclaimAt: instant(reclaimAt))
  }
}
