//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A router whose policies have been checked.
final class ResolvedRouter: Sendable {
  /// The policy of requests that no route matches.
  let fallback: ResolvedPolicy
  /// The names of the policies by their numbers, as metrics have them.
  let policyNames: [String]
  /// The number under which requests are counted that no policy is for.
  let absentPolicyNumber: Int
  private let hasNames: Bool
  private let routes: [(match: RouteMatch, policy: ResolvedPolicy?)]

  /// The name, in metrics, of policies that have none.
  static let defaultPolicyName = "default"
  /// The name, in metrics, for requests that no policy is for.
  private static let absentPolicyName = "none"

  init(_ router: PolicyRouter, clock: CacheClock) throws(CacheConfigurationError) {
    var names: [String] = []
    func number(_ name: String) -> Int {
      if let number = names.firstIndex(of: name) { return number }
      names.append(name)
      return names.count - 1
    }
    fallback = try ResolvedPolicy(
      router.fallback, number: number(router.fallback.name ?? Self.defaultPolicyName), clock: clock)
    var routes: [(match: RouteMatch, policy: ResolvedPolicy?)] = []
    for route in router.routes {
      var policy: ResolvedPolicy?
      if let unchecked = route.policy {
        policy = try ResolvedPolicy(
          unchecked, number: number(unchecked.name ?? Self.defaultPolicyName), clock: clock)
      }
      routes.append((route.match, policy))
    }
    absentPolicyNumber = routes.contains { $0.policy == nil } ? number(Self.absentPolicyName) : 0
    policyNames = names
    self.routes = routes
    hasNames = fallback.policy.name != nil || routes.contains { $0.policy?.policy.name != nil }
  }

  /// The policies' own limits of calls to the origin, each with its policy's name.
  var shields: [(String, OriginShield?)] {
    ([fallback] + routes.compactMap(\.policy)).filter { $0.shield != nil }.map { (policyNames[$0.number], $0.shield) }
  }

  /// The number under which `request` is counted.
  func policyNumber(for request: CacheRequest) -> Int {
    policyNames.count == 1 ? 0 : policy(for: request)?.number ?? absentPolicyNumber
  }

  /// The name of the policy for `request`. Routes are asked only if any policy has a name.
  func policyName(for request: CacheRequest) -> String? {
    hasNames ? policy(for: request)?.policy.name : nil
  }

  /// All policies.
  var policies: [ResolvedPolicy] { [fallback] + routes.compactMap(\.policy) }

  /// The policy, when there is one for all requests.
  var onlyPolicy: ResolvedPolicy? { routes.isEmpty ? fallback : nil }

  /// The policy for `request`; nil when it is not to be cached.
  @inline(__always)
  func policy(for request: CacheRequest) -> ResolvedPolicy? {
    routes.isEmpty ? fallback : routedPolicy(for: request)
  }

  @inline(never)
  private func routedPolicy(for request: CacheRequest) -> ResolvedPolicy? {
    // By position in memory: as values of a loop the parts of a route would be counted references.
    routes.withUnsafeBufferPointer { routes in
      for position in routes.indices where routes[position].match.matches(request) { return routes[position].policy }
      return fallback
    }
  }
}
