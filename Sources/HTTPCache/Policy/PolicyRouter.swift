//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Different policies for different requests.
///
/// ```swift
/// let policies = PolicyRouter(
///   default: CachePolicy(timeToLive: .seconds(60)),
///   routes: [
///     .prefix("/api/", CachePolicy(timeToLive: .seconds(5))),
///     .prefix("/admin/", nil),                                            // never cached
///     .matching({ $0.fields.contains("X-Preview") }, nil),
///   ])
/// ```
///
/// The first route that matches decides.
public struct PolicyRouter: Sendable {
  /// Which requests, and what policy.
  public struct Route: Sendable {
    let match: RouteMatch
    let policy: CachePolicy?

    /// Requests whose path begins with `prefix`. No policy: they are not cached.
    public static func prefix(_ prefix: String, _ policy: CachePolicy?) -> Route {
      Route(match: .prefix(prefix), policy: policy)
    }

    /// Requests whose path is `path`. No policy: they are not cached.
    public static func path(_ path: String, _ policy: CachePolicy?) -> Route {
      // No path has a query.
      Route(match: path.contains("?") ? .predicate { _ in false } : .path(path), policy: policy)
    }

    /// Requests for which `predicate` is true. No policy: they are not cached.
    public static func matching(
      _ predicate: @escaping @Sendable (CacheRequest) -> Bool, _ policy: CachePolicy?
    ) -> Route {
      Route(match: .predicate(predicate), policy: policy)
    }
  }

  let fallback: CachePolicy
  let routes: [Route]

  /// - Parameters:
  ///   - default: For requests that no route matches.
  ///   - routes: Asked in order.
  public init(default fallback: CachePolicy, routes: [Route] = []) {
    self.fallback = fallback
    self.routes = routes
  }
}
