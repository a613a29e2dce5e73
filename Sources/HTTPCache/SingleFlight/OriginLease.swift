//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How a flight comes by the right to ask the origin in the name of all nodes that share the store. Pure: the owner asks
/// the store and waits.
///
///     asking ──granted──▶ looking ──something stored──▶ over: it is the answer
///       ▲  │                 └─────nothing──▶ over: the origin is asked, with the lease
///       │  └──held──▶ waiting ──something stored──▶ over: it is the answer
///       └──step───────────┘  └──limit──▶ over: the origin is asked, without
///
/// A holder that gives the lease back before it would have run out, and has stored nothing, had an answer that is for
/// nobody else: those who waited then go at once, all of them. One that let it run out may have died: then one takes over.
struct OriginLease {
  enum Action: Equatable {
    /// Ask for the lease.
    case acquire
    /// Wait until then, then look for the response in the store.
    case wait(until: CacheInstant)
    /// Ask the origin.
    case go
    /// Give the lease back, and ask the origin.
    case release
  }

  private let limit: CacheInstant
  private let expiry: CacheInstant
  private var step = Duration.milliseconds(4)
  private var hasWaited = false

  /// - Parameters:
  ///   - duration: How long a lease lasts.
  ///   - waitLimit: How long a request waits at most.
  init(duration: Duration, waitLimit: Duration, now: CacheInstant) {
    expiry = now.advanced(by: duration)
    limit = min(expiry.advanced(by: .milliseconds(500)), now.advanced(by: waitLimit))
  }

  /// Somebody else has the lease, and has stored nothing yet.
  ///
  /// - Parameter jitter: From 0 to 1.
  mutating func held(at now: CacheInstant, jitter: Double) -> Action {
    guard now < limit else { return .go }
    hasWaited = true
    let pause = step * (0.75 + jitter / 2)
    step = min(step * 1.6, .milliseconds(250))
    return .wait(until: min(now.advanced(by: pause), limit))
  }

  /// The lease is there, and nothing is stored.
  func granted(at now: CacheInstant) -> Action {
    hasWaited && now < expiry ? .release : .go
  }
}
