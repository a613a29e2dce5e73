//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which methods are answered from the cache. Only GET and HEAD can be: a rule can leave them out, but adds no others.
public struct MethodRule: Sendable {
  enum Kind: Sendable {
    case standard
    case custom(@Sendable (RequestMethod) -> Bool)
  }

  let kind: Kind

  /// GET and HEAD.
  public static let standard = MethodRule(kind: .standard)

  /// These.
  public static func only(_ methods: Set<RequestMethod>) -> MethodRule {
    methods == [.get, .head] ? .standard : MethodRule(kind: .custom { methods.contains($0) })
  }

  /// Those for which `predicate` is true.
  public static func matching(_ predicate: @escaping @Sendable (RequestMethod) -> Bool) -> MethodRule {
    MethodRule(kind: .custom(predicate))
  }

  @inline(__always)
  func includes(_ method: RequestMethod) -> Bool {
    switch kind {
    case .standard: method == .get || method == .head
    case .custom(let predicate): predicate(method)
    }
  }
}
