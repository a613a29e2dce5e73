//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// When an entry that was found in the far tier is copied to the near one.
public struct TierPromotion: Hashable, Sendable, CustomStringConvertible {
  enum Kind: Hashable, Sendable {
    case never
    case hits(Int, within: Duration?)
  }

  let kind: Kind

  /// At once.
  public static let firstHit = TierPromotion(kind: .hits(1, within: nil))
  /// Never: the near tier has only what this node has stored itself.
  public static let never = TierPromotion(kind: .never)
  /// When it has been found in the far tier this often.
  public static func hits(_ count: Int) -> TierPromotion { TierPromotion(kind: .hits(count, within: nil)) }
  /// When it has been found in the far tier this often within `period`.
  public static func rate(_ count: Int, per period: Duration) -> TierPromotion {
    TierPromotion(kind: .hits(count, within: period))
  }

  /// The value as text, for people.
  public var description: String {
    switch kind {
    case .never: "never"
    case .hits(1, within: nil): "firstHit"
    case .hits(let count, within: nil): "hits(\(count))"
    case .hits(let count, within: .some(let period)): "rate(\(count), per: \(period))"
    }
  }
}
