//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The keys that were asked for most of late.
  ///
  /// ```swift
  /// for hot in cache.hotKeys(by: .bytes, window: .tenMinutes, limit: 5) {
  ///   print(hot.key, hot.value, hot.lowerBound...hot.upperBound)
  /// }
  /// ```
  ///
  /// Counted at all times and in at most 1 MiB, whatever the number of keys. Of many hits one in up to sixteen is counted, and
  /// keys with low counts give way to others, which the bounds of each answer take into account. A window ends now; of the
  /// minute in which it begins, a part of the count is taken.
  ///
  /// - Parameters:
  ///   - measure: What keys are ranked by.
  ///   - window: The time that is looked back on.
  ///   - limit: How many keys at most; up to 50 are reliable.
  public nonisolated func hotKeys(
    by measure: HotKey.Measure = .requests, window: HotKey.Window = .minute, limit: Int = 20
  ) -> [HotKey] {
    hotKeyTable.top(by: measure, window: window, limit: limit, at: clock.now)
  }
}
