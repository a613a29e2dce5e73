//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting

/// A store on real servers, and several nodes that use it.
protocol StoreWorld {
  /// The nodes.
  var nodes: [any CacheBackend] { get }
  /// The clock that all entries' moments are of.
  var clock: CacheClock { get }
  /// For how long a node may use a copy without asking the store; nil if it has none.
  var copyLifetime: Duration? { get }
  /// Moves the clocks of all nodes forward.
  func advance(by duration: Duration)

  /// How often a node has used a copy because the store did not answer, as it may for a while.
  func unconfirmedUses(by node: Int) -> Int

  /// Whether a node asks the store again, and has written there all invalidations that it knew.
  func isSettled(_ node: Int) -> Bool

  /// A node ends, and another one that knows nothing takes its place.
  mutating func restart(_ node: Int) async throws

  /// A store that can fall back to an earlier state keeps the present one.
  func save() async throws

  /// The store loses a part of what it knows of invalidations.
  ///
  /// - Returns: What it is, and whether only nodes that knew the lost invalidations can notice.
  mutating func lose(_ random: inout SplitMix64) async throws -> (text: String, isForgotten: Bool)

  /// The store refuses writes, or its answers are lost.
  ///
  /// - Returns: What it does.
  mutating func hurt(_ random: inout SplitMix64) async throws -> String
  /// Undoes that.
  mutating func heal() async throws

  /// Ends the nodes.
  func shutdown() async
}
