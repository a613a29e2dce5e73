//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// `EntryTimes` in 28 octets instead of 48, where that loses nothing: one moment, and how far the others are from it or from
/// each other, in units of their own.
///
/// Lifetimes and windows are whole seconds nearly always, and ages are made to fit (``rounded(_:_:)``). What does not fit all
/// the same, such as the moment of a soft invalidation, is kept as it is in ``ExactEntryValues``.
struct CompactTimes {
  private let receivedAt: Int64
  /// Before `receivedAt`; `isElsewhere`: these times do not fit.
  private let birth: UInt32
  /// After `birth`, or `receivedAt`.
  private let freshUntil: UInt32
  /// After `freshUntil`.
  private let staleWhileRevalidateUntil: UInt32
  /// After `freshUntil`.
  private let staleIfErrorUntil: UInt32
  /// After `freshUntil`, or `receivedAt`.
  private let reclaimAt: UInt32

  /// Nil when the times do not fit.
  @inline(__always)
  init?(_ times: EntryTimes) {
    guard let birth = Distance.code(from: times.birth, to: times.receivedAt),
      let freshUntil = Distance.code(from: times.birth, or: times.receivedAt, to: times.freshUntil),
      let staleWhileRevalidateUntil = Distance.code(from: times.freshUntil, to: times.staleWhileRevalidateUntil),
      let staleIfErrorUntil = Distance.code(from: times.freshUntil, to: times.staleIfErrorUntil),
      let reclaimAt = Distance.code(from: times.freshUntil, or: times.receivedAt, to: times.reclaimAt),
      birth != Distance.toDistantFuture
    else { return nil }
    receivedAt = times.receivedAt.nanoseconds
    self.birth = birth
    self.freshUntil = freshUntil
    self.staleWhileRevalidateUntil = staleWhileRevalidateUntil
    self.staleIfErrorUntil = staleIfErrorUntil
    self.reclaimAt = reclaimAt
  }

  /// Stands for times that are kept elsewhere.
  static let elsewhere = CompactTimes()

  private init() {
    receivedAt = 0
    birth = .max
    freshUntil = 0
    staleWhileRevalidateUntil = 0
    staleIfErrorUntil = 0
    reclaimAt = 0
  }

  /// The times; nil when they are kept elsewhere.
  @inline(__always)
  var times: EntryTimes? {
    guard birth != .max else { return nil }
    let received = CacheInstant(nanoseconds: receivedAt)
    let birth = CacheInstant(nanoseconds: receivedAt &- Distance.nanoseconds(birth))
    let freshUntil = Distance.moment(freshUntil, from: birth, or: received)
    return EntryTimes(
      birth: birth, receivedAt: received, freshUntil: freshUntil,
      staleWhileRevalidateUntil: Distance.moment(staleWhileRevalidateUntil, from: freshUntil, or: freshUntil),
      staleIfErrorUntil: Distance.moment(staleIfErrorUntil, from: freshUntil, or: freshUntil),
      reclaimAt: Distance.moment(reclaimAt, from: freshUntil, or: received))
  }

  /// `EntryTimes.reclaimAt` alone.
  @inline(__always)
  var reclaimMoment: CacheInstant? {
    guard birth != .max else { return nil }
    let received = CacheInstant(nanoseconds: receivedAt)
    let birth = CacheInstant(nanoseconds: receivedAt &- Distance.nanoseconds(birth))
    return Distance.moment(reclaimAt, from: Distance.moment(freshUntil, from: birth, or: received), or: received)
  }

  /// `distance`, in nanoseconds, made such that it fits: to the nanosecond below half a second, to the microsecond below
  /// nine minutes, to the millisecond below six days, to the second beyond.
  static func rounded(_ distance: Int64, _ rule: FloatingPointRoundingRule) -> Int64 {
    guard distance > Distance.greatestCount else { return distance }
    let unit = Distance.units.first { distance / $0 <= Distance.greatestCount } ?? Distance.units[3]
    let remainder = distance % unit
    guard remainder > 0 else { return distance }
    return rule == .up ? (distance - remainder).addingSaturated(unit) : distance - remainder
  }
}
