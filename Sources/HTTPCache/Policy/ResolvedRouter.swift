//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A router whose policies have been checked.
final class ResolvedRouter: Sendable {
  /// The policy of requests that no route matches.
  let fallback: ResolvedPolicy
  private let hasNames: Bool
  private let routes: [(match: RouteMatch, policy: ResolvedPolicy?)]

  init(_ router: PolicyRouter, clock: CacheClock) throws(CacheConfigurationError) {
    fallback = try ResolvedPolicy(router.fallback, clock: clock)
    var routes: [(match: RouteMatch, policy: ResolvedPolicy?)] = []
    for route in router.routes {
      var policy: ResolvedPolicy?
      if let unchecked = route.policy { policy = try ResolvedPolicy(unchecked, clock: clock) }
      routes.append((route.match, policy))
    }
    self.routes = routes
    hasNames = fallback.policy.name != nil || routes.contains { $0.policy?.policy.name != nil }
  }

  /// The name of the policy for `request`. Routes are asked only if any policy has a name.
  func policyName(for request: CacheRequest) -> String? {
    hasNames ? policy(for: request)?.policy.name : nil
  }

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
