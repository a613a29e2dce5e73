//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The hit ratios that a cache would have with other capacities, as ``CacheLayer/missRatioCurve`` estimates them.
public struct MissRatioCurve: Hashable, Sendable, Codable {
  /// The hit ratio with one capacity.
  public struct Point: Hashable, Sendable, Codable {
    /// How many times the present capacity.
    public var factor: Double
    /// The capacity in bytes.
    public var capacity: Int
    /// The share of requests that a fresh stored response answers, from 0 to 1.
    public var hitRatio: Double

    /// The share of requests that none answers.
    public var missRatio: Double { 1 - hitRatio }

    /// - Parameters: see the properties of the same names.
    public init(factor: Double, capacity: Int, hitRatio: Double) {
      self.factor = factor
      self.capacity = capacity
      self.hitRatio = hitRatio
    }
  }

  /// A quarter, half, once, twice, four and eight times the present capacity, in this order.
  public var points: [Point]
  /// The eviction policy that the estimate is for.
  public var evictionPolicy: String
  /// How many requests the estimate is of, the older counting less.
  public var requests: Int
  /// The part of the keys that was simulated.
  public var sampleRate: Double
  /// How many keys the largest simulated cache holds.
  public var sampledKeys: Int

  /// - Parameters: see the properties of the same names.
  public init(points: [Point], evictionPolicy: String, requests: Int, sampleRate: Double, sampledKeys: Int) {
    self.points = points
    self.evictionPolicy = evictionPolicy
    self.requests = requests
    self.sampleRate = sampleRate
    self.sampledKeys = sampledKeys
  }

  /// The hit ratio with so many times the present capacity; nil where there is no such point.
  public func hitRatio(at factor: Double) -> Double? { points.first { $0.factor == factor }?.hitRatio }

  /// The conclusion in words: `4 times the memory buys 1.2 points`, and what less memory would cost.
  public var advice: String {
    guard requests >= Self.minimumRequests, let now = hitRatio(at: 1) else { return "too few requests to tell" }
    func points(_ factor: Double) -> Double { 100 * ((hitRatio(at: factor) ?? now) - now) }
    func text(_ points: Double) -> String { "\((abs(points) * 10).rounded() / 10) points" }
    // The smallest that brings most of what the largest does.
    let best = [2.0, 4, 8].max { points($0) < points($1) } ?? 8
    let enough = [2.0, 4, 8].first { points($0) >= 0.8 * points(best) } ?? best
    let gain =
      points(enough) < 0.5
      ? "More memory buys next to nothing" : "\(Int(enough)) times the memory buys \(text(points(enough)))"
    let loss = points(0.5) > -0.5 ? "half of it would do" : "half of it costs \(text(points(0.5)))"
    return "\(gain); \(loss)."
  }

  /// With fewer requests there is no advice.
  private static let minimumRequests = 1000
}
