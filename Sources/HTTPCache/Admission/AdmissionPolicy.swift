//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How many different resources a route may bring into the cache, so that made-up URLs cannot flush it.
///
/// Below ``newKeyLimit`` in each ``interval`` everything is stored that may be. Beyond it, what is new is on probation: the
/// first answer is delivered and not stored, and only if the resource is asked for again is it stored. A flood of random
/// query strings never asks twice. What is stored already is refreshed and replaced as ever.
public struct AdmissionPolicy: Hashable, Sendable {
  /// How many resources that are not stored may be stored in one interval without probation; variants count too.
  public var newKeyLimit: Int
  /// The interval, and for how long an answer on probation is remembered, at least.
  public var interval: Duration
  /// How many variants of one resource (RFC 9111 §4.1) may be stored in one interval; more are delivered and not stored.
  public var variantLimit: Int

  /// - Parameters: see the properties of the same names.
  public init(newKeyLimit: Int = 10_000, interval: Duration = .seconds(60), variantLimit: Int = 64) {
    self.newKeyLimit = newKeyLimit
    self.interval = interval
    self.variantLimit = variantLimit
  }

  /// Refuses what makes no sense.
  func validate() throws(CacheConfigurationError) {
    guard (0...10_000_000).contains(newKeyLimit) else {
      throw CacheConfigurationError(
        "admission.newKeyLimit is \(newKeyLimit): give 0 to 10000000 new keys in an interval")
    }
    guard interval > .zero else {
      throw CacheConfigurationError(
        "admission.interval is \(interval): limits are for an interval, which must be positive")
    }
    guard (1...65_536).contains(variantLimit) else {
      throw CacheConfigurationError(
        "admission.variantLimit is \(variantLimit): give 1 to 65536 variants of one resource")
    }
  }
}
