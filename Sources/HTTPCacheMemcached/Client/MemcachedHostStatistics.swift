//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// How one memcached server has been doing.
public struct MemcachedHostStatistics: Hashable, Sendable {
  /// Whether a host is called.
  public enum Availability: Hashable, Sendable {
    /// It is.
    case up
    /// It has failed, and is left alone for a while.
    case down
    /// One call is finding out whether it is back.
    case trying
  }

  struct Counters: Hashable, Sendable {
    var roundTrips = 0
    var failures = 0
    var timeouts = 0
    var refusals = 0
    var overflows = 0
    var reconnections = 0
  }

  /// The server.
  public let host: MemcachedHost
  /// Whether it is called.
  public let availability: Availability
  /// How many calls wait for it.
  public let waiting: Int
  /// How often it was asked something; many reads may be one round trip.
  public let roundTrips: Int
  /// How often asking it failed.
  public let failures: Int
  /// How often it did not answer in time.
  public let timeouts: Int
  /// How many calls were not made because it was down.
  public let refusals: Int
  /// How many calls were not made because too many waited for it.
  public let overflows: Int
  /// How often a connection that had been good was broken, and a new one was made for the same call.
  public let reconnections: Int

  init(host: MemcachedHost, counters: Counters, breaker: CircuitBreaker.State, waiting: Int) {
    self.host = host
    self.waiting = waiting
    availability =
      switch breaker {
      case .closed: .up
      case .open: .down
      case .probing: .trying
      }
    roundTrips = counters.roundTrips
    failures = counters.failures
    timeouts = counters.timeouts
    refusals = counters.refusals
    overflows = counters.overflows
    reconnections = counters.reconnections
  }
}
