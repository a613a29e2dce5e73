//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheTags {
  /// Tags the response that is being made: call it wherever something is read that the response depends on.
  ///
  /// ```swift
  /// func product(_ id: Int) async throws -> Product {
  ///   CacheTags.add("product:\(id)")
  ///   return try await database.product(id)
  /// }
  /// ```
  ///
  /// Works in everything that a handler behind a ``CacheLayer`` calls, in its child tasks and in the tasks it makes (not in
  /// detached ones), until the body of the response has ended. When the handler itself asks a service behind another cache,
  /// the tags of what that answers come too, whether it was stored there or not. Outside of any cache it does nothing.
  ///
  /// Add a tag before reading what it stands for, so that there is no moment at which a change could go unnoticed.
  public static func add(_ names: String...) { TagScope.ambient?.add(names) }

  /// Tags the response that is being made, see ``add(_:)-(String...)``.
  public static func add(_ names: some Sequence<String>) { TagScope.ambient?.add(Array(names)) }

  /// Invalidates what has any of these tags once the handler has succeeded: call it wherever something is changed.
  ///
  /// ```swift
  /// func rename(_ id: Int, to name: String) async throws {
  ///   try await database.rename(id, to: name)
  ///   CacheTags.invalidate("product:\(id)")
  /// }
  /// ```
  ///
  /// Carried out when the handler has returned a response whose status is below 400, before anybody gets it; not at all when
  /// it throws or returns an error, because then nothing is supposed to have changed. Caches further out follow, each when
  /// its own handler has succeeded. While the body of the response is under way, it is carried out at once.
  ///
  /// - Returns: Whether there is a cache to do it. Outside of one, in a job for instance, call
  ///   ``CacheLayer/invalidate(anyOf:mode:)``.
  @discardableResult
  public static func invalidate(_ names: String..., mode: CacheInvalidation.Mode = .hard) -> Bool {
    invalidate(CacheInvalidation(.anyTag(names), mode: mode))
  }

  /// Invalidates something, by its key or path for instance, once the handler has succeeded, see ``invalidate(_:mode:)``.
  ///
  /// - Returns: Whether there is a cache to do it.
  @discardableResult
  public static func invalidate(_ invalidation: CacheInvalidation) -> Bool {
    guard let scope = TagScope.ambient else { return false }
    scope.invalidate(invalidation)
    return true
  }
}
