//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Which parts of the query make a difference, by path, as far as responses have said so (`No-Vary-Search`).
///
/// A request whose path has a rule is stored and found under its query as the rule sees it. The rule is part of that key:
/// a response is never used under another rule than its own.
final class SearchRules: Sendable {
  /// How many paths are remembered; beyond that the new take the place of others.
  static let limit = 4096

  /// Whether there is no rule at all, so that caches that never see the field pay one load for it.
  private let isEmpty = Atomic(true)
  private let rules = Locked<[String: NoVarySearch]>([:])

  @inline(__always)
  var areEmpty: Bool { isEmpty.load(ordering: .relaxed) }

  /// The target that stands for `request` in its key; nil when its own does.
  @inline(__always)
  func target(of request: CacheRequest) -> String? {
    isEmpty.load(ordering: .relaxed) ? nil : ruledTarget(of: request)
  }

  @inline(never)
  private func ruledTarget(of request: CacheRequest) -> String? {
    let path = Self.path(of: request)
    guard let rule = rules.withLock({ $0[path] }) else { return nil }
    return "\(rule.normalized(target: request.target))\u{0}\(rule.identity)"
  }

  /// Remembers what a response to `request` says. An error or a redirection that has no rule does not end that of the
  /// resource: whoever likes can cause one.
  func learn(_ fields: HeaderFields, status: Int, from request: CacheRequest) {
    let rule = NoVarySearch(fields)
    if rule == .everything, isEmpty.load(ordering: .relaxed) || status >= 300 { return }
    let path = Self.path(of: request)
    rules.withLock { rules in
      if rule == .everything {
        rules[path] = nil
      } else {
        if rules.count >= Self.limit, rules[path] == nil, let other = rules.keys.first { rules[other] = nil }
        rules[path] = rule
      }
      isEmpty.store(rules.isEmpty, ordering: .relaxed)
    }
  }

  private static func path(of request: CacheRequest) -> String {
    "\(request.scheme)://\(request.authority)\(request.path)"
  }
}
