//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How often what has happened between the tiers of a ``MultiTierBackend``.
public struct TierStatistics: Sendable {
  private var counts: [TierEvent.Kind: Int]

  init(_ counts: [TierEvent.Kind: Int]) { self.counts = counts }

  /// How often this has happened.
  public subscript(kind: TierEvent.Kind) -> Int { counts[kind] ?? 0 }

  /// The share of lookups that were answered from the near tier, from 0 to 1.
  public var nearHitRatio: Double { ratio(of: .nearHit) }
  /// The share of lookups that were answered from the far tier, from 0 to 1.
  public var farHitRatio: Double { ratio(of: .farHit) }

  private func ratio(of kind: TierEvent.Kind) -> Double {
    let total = self[.nearHit] + self[.farHit] + self[.miss]
    return total == 0 ? 0 : Double(self[kind]) / Double(total)
  }
}
