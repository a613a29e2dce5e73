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

  /// What RFC 9111 §3 allows, without 401 and 407: an answer that asks for credentials is for whoever lacked them.
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
