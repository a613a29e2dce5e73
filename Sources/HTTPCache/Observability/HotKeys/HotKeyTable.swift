//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Counts which keys a cache is asked for most, in fixed memory: 1 MiB at the very most.
///
/// Fed with one hit in up to sixteen (``HitCounts``) and with every request that is no hit. Not with all requests of some
/// keys: that would miss whole keys.
final class HotKeyTable: Sendable {
  /// A request, as far as it counts here.
  struct Observation {
    /// For how many such requests this one stands.
    var weight: UInt64 = 1
    /// The length of the content.
    var byteCount = 0
    /// Whether the origin was asked.
    var isMiss = false
    /// How long it took to begin its response, in microseconds.
    var originMicroseconds: UInt64 = 0
  }

  /// The keys whose digests end in the same two bits, behind a lock.
  private final class Stripe: @unchecked Sendable {
    // @unchecked: `minutes` is only reached through `withLock`.
    private let lock = ShardLock()
    private var minutes = HotKeyMinutes()

    @inline(__always)
    func withLock<Result>(at now: CacheInstant, _ body: (inout HotKeyMinutes) -> Result) -> Result {
      lock.lock()
      defer { lock.unlock() }
      minutes.move(to: now.nanoseconds)
      return body(&minutes)
    }

    var byteCount: Int {
      lock.lock()
      defer { lock.unlock() }
      return minutes.byteCount
    }
  }

  /// In nanoseconds.
  static let minute: Int64 = 60_000_000_000
  /// How long a name may be, in octets.
  private static let maximumNameLength = 112

  private let stripes = (Stripe(), Stripe(), Stripe(), Stripe())

  /// Counts a request for the key that `key` makes.
  @inline(__always)
  func record(_ digest: KeyDigest, _ observation: Observation, at now: CacheInstant, key: () -> CacheKey) {
    stripe(digest).withLock(at: now) { minutes in
      minutes.add(observation, for: digest.low) { Self.name(of: key()) }
    }
  }

  /// The keys with the highest values, the highest first.
  func top(by measure: HotKey.Measure, window: HotKey.Window, limit: Int, at now: CacheInstant) -> [HotKey] {
    var sums: [HotKeyMinutes.Sum] = []
    for stripe in [stripes.0, stripes.1, stripes.2, stripes.3] {
      sums += stripe.withLock(at: now) { $0.sums(of: measure.kind, minutes: window.minutes, at: now.nanoseconds) }
    }
    sums.sort { ($0.value, $1.name) > ($1.value, $0.name) }
    let unit = measure.kind == .originTime ? 1e-6 : 1
    return sums.prefix(max(limit, 0)).map { sum in
      let deviation = 2 * sum.variance.squareRoot()
      return HotKey(
        key: sum.name, value: sum.value * unit, lowerBound: max(sum.lowerBound - deviation, 0) * unit,
        upperBound: (sum.upperBound + deviation) * unit)
    }
  }

  /// The bytes allocated.
  var byteCount: Int { stripes.0.byteCount + stripes.1.byteCount + stripes.2.byteCount + stripes.3.byteCount }

  @inline(__always)
  private func stripe(_ digest: KeyDigest) -> Stripe {
    switch digest.low >> 62 {
    case 0: stripes.0
    case 1: stripes.1
    case 2: stripes.2
    default: stripes.3
    }
  }

  @inline(never)
  private static func name(of key: CacheKey) -> String {
    let text = key.text
    guard text.utf8.count > maximumNameLength else { return text }
    return String(decoding: text.utf8.prefix(maximumNameLength), as: UTF8.self)
  }
}
