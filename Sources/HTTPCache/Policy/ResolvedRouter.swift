//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A router whose policies have been checked.
final class ResolvedRouter: Sendable {
  private let fallback: ResolvedPolicy
  private let routes: [(matches: @Sendable (CacheRequest) -> Bool, policy: ResolvedPolicy?)]

  init(_ router: PolicyRouter) throws(CacheConfigurationError) {
    fallback = try ResolvedPolicy(router.fallback)
    var routes: [(matches: @Sendable (CacheRequest) -> Bool, policy: ResolvedPolicy?)] = []
    for route in router.routes {
      var policy: ResolvedPolicy?
      if let unchecked = route.policy { policy = try ResolvedPolicy(unchecked) }
      routes.append((route.matches, policy))
    }
    self.routes = routes
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
    for route in routes where route.matches(request) { return route.policy }
    return fallback
  }
}
