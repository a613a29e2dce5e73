//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which entries are refreshed before they expire, without being asked for at that moment: those that are asked for often.
public struct AutoRefreshPolicy: Hashable, Sendable {
  /// How many requests a minute make an entry hot. Counted over a sliding minute.
  public var minimumRequestsPerMinute: Int
  /// How long before its expiry an entry is refreshed at the earliest; at most half of its lifetime.
  public var window: Duration
  /// How many refreshes are made at a time.
  public var maximumConcurrentRefreshes: Int
  /// How many hot entries are looked after; the frequencies of about four times as many are followed.
  public var maximumTrackedKeys: Int

  /// - Parameters: see the properties of the same names.
  public init(
    minimumRequestsPerMinute: Int = 10, window: Duration = .seconds(10), maximumConcurrentRefreshes: Int = 10,
    maximumTrackedKeys: Int = 4_096
  ) {
    self.minimumRequestsPerMinute = minimumRequestsPerMinute
    self.window = window
    self.maximumConcurrentRefreshes = maximumConcurrentRefreshes
    self.maximumTrackedKeys = maximumTrackedKeys
  }

  /// Refuses what makes no sense.
  func validate() throws(CacheConfigurationError) {
    guard minimumRequestsPerMinute > 0 else {
      throw CacheConfigurationError(
        "autoRefresh.minimumRequestsPerMinute is \(minimumRequestsPerMinute): what nobody asks for needs no refresh")
    }
    guard window > .zero else {
      throw CacheConfigurationError("autoRefresh.window is \(window): a refresh needs some time before the expiry")
    }
    guard maximumConcurrentRefreshes > 0 else {
      throw CacheConfigurationError(
        "autoRefresh.maximumConcurrentRefreshes is \(maximumConcurrentRefreshes): nothing would be refreshed")
    }
    guard (1...1_000_000).contains(maximumTrackedKeys) else {
      throw CacheConfigurationError("autoRefresh.maximumTrackedKeys is \(maximumTrackedKeys): give 1 to 1000000")
    }
  }
}
