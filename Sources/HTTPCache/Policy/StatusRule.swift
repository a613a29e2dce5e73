//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which statuses' responses may be stored at all. How long is another question.
public struct StatusRule: Sendable {
  enum Kind: Sendable {
    case standard
    case custom(@Sendable (Int) -> Bool)
  }

  let kind: Kind

  /// All final statuses but those that answer something in the request that is not part of the key, such as 401 and 416,
  /// or that must not be stored: see ``CachingRules/storesByDefault(status:)``.
  public static let standard = StatusRule(kind: .standard)

  /// These.
  public static func only(_ statuses: Set<Int>) -> StatusRule {
    StatusRule(kind: .custom { statuses.contains($0) })
  }

  /// Those for which `predicate` is true.
  public static func matching(_ predicate: @escaping @Sendable (Int) -> Bool) -> StatusRule {
    StatusRule(kind: .custom(predicate))
  }
}
