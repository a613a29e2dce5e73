//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Looks for the share of the window that gives the best hit ratio, by changing it a little and seeing what happens.
struct HillClimber {
  /// The part of the room that the window gets.
  private(set) var windowShare = 0.01

  private static let firstStep = 0.0625
  private static let stepDecay = 0.98
  /// A change of the hit ratio by this much means that the traffic has changed, and the search begins again.
  private static let restartThreshold = 0.05

  private var step = firstStep
  private var previousRatio = 0.0
  private var hits = 0
  private var misses = 0

  mutating func record(hits newHits: Int, misses newMisses: Int, entryCount: Int) {
    hits += newHits
    misses += newMisses
    guard hits + misses >= 10 * max(entryCount, 32) else { return }
    let ratio = Double(hits) / Double(hits + misses)
    let change = ratio - previousRatio
    let amount = change >= 0 ? step : -step
    step =
      abs(change) >= Self.restartThreshold ? (amount < 0 ? -Self.firstStep : Self.firstStep) : amount * Self.stepDecay
    windowShare = min(max(windowShare + amount, 0.01), 0.8)
    previousRatio = ratio
    hits = 0
    misses = 0
  }
}
