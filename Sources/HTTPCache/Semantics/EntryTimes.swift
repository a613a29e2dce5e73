//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The moments that decide about a stored response, worked out once when it is stored, so that a lookup compares
/// integers.
public struct EntryTimes: Hashable, Sendable {
  /// When the response's age was zero: the time of receipt minus the corrected initial age (RFC 9111 §4.2.3).
  public var birth: CacheInstant
  /// When it was received or last validated.
  public var receivedAt: CacheInstant
  /// Until when it is fresh: `birth` plus the freshness lifetime (RFC 9111 §4.2).
  public var freshUntil: CacheInstant
  /// Until when it may be served while it is being refreshed in the background (RFC 5861 §3).
  public var staleWhileRevalidateUntil: CacheInstant
  /// Until when it may be served if the origin fails (RFC 5861 §4).
  public var staleIfErrorUntil: CacheInstant
  /// From when on it is of no use to anybody, not even for validation, and its memory is reclaimed.
  public var reclaimAt: CacheInstant

  /// - Parameters: see the properties of the same names.
  public init(
    birth: CacheInstant, receivedAt: CacheInstant, freshUntil: CacheInstant,
    staleWhileRevalidateUntil: CacheInstant, staleIfErrorUntil: CacheInstant, reclaimAt: CacheInstant
  ) {
    self.birth = birth
    self.receivedAt = receivedAt
    self.freshUntil = freshUntil
    self.staleWhileRevalidateUntil = staleWhileRevalidateUntil
    self.staleIfErrorUntil = staleIfErrorUntil
    self.reclaimAt = reclaimAt
  }

  /// Whether the response was fresh when it was received, so that it could be given to others at all.
  var haveBeenFresh: Bool { receivedAt < freshUntil }

  /// The age at `now` in whole seconds (RFC 9111 §4.2.3), never negative.
  public func age(at now: CacheInstant) -> Int64 {
    max(0, now.nanoseconds.subtractingSaturated(birth.nanoseconds) / 1_000_000_000)
  }

  /// How many whole seconds it will still be fresh at `now`; negative when it is stale.
  public func remainingFreshness(at now: CacheInstant) -> Int64 {
    freshUntil.nanoseconds.subtractingSaturated(now.nanoseconds).flooredQuotient(dividingBy: 1_000_000_000)
  }

  /// The same for a response that has been said to be stale since `moment`: the windows in which it may be used all the
  /// same begin there. What was stale before stays as it is.
  public func stale(since moment: CacheInstant) -> EntryTimes {
    guard moment < freshUntil else { return self }
    let shift = moment.nanoseconds.subtractingSaturated(freshUntil.nanoseconds)
    var times = self
    times.freshUntil = moment
    times.staleWhileRevalidateUntil = staleWhileRevalidateUntil.advanced(byNanoseconds: shift)
    times.staleIfErrorUntil = staleIfErrorUntil.advanced(byNanoseconds: shift)
    return times
  }
}
