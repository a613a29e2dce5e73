//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The ways to say what is to be forgotten. Each is ``CacheLayer/invalidate(_:)`` in other words; `hard` forgets it, `soft`
/// makes it stale.
extension CacheLayer {
  /// Invalidates what is stored for `request`, all variants of it.
  ///
  /// - Returns: What was done: nothing when the request is not cached at all, or has no key.
  @discardableResult
  public func invalidate(
    _ request: CacheRequest, mode: CacheInvalidation.Mode = .hard
  ) async -> InvalidationReceipt {
    guard let policy = router.policy(for: request), let key = key(of: request.as(.get), policy) else {
      return InvalidationReceipt(entryCount: 0)
    }
    return await invalidate(key: key, mode: mode)
  }

  /// Invalidates what is stored under `key`, all variants of it.
  @discardableResult
  public func invalidate(key: CacheKey, mode: CacheInvalidation.Mode = .hard) async -> InvalidationReceipt {
    await invalidate(CacheInvalidation(.key(key), mode: mode))
  }

  /// Invalidates what has this tag.
  @discardableResult
  public func invalidate(tag: String, mode: CacheInvalidation.Mode = .hard) async -> InvalidationReceipt {
    await invalidate(CacheInvalidation(.anyTag([tag]), mode: mode))
  }

  /// Invalidates what has at least one of these tags.
  @discardableResult
  public func invalidate(
    anyOf tags: some Sequence<String>, mode: CacheInvalidation.Mode = .hard
  ) async -> InvalidationReceipt {
    await invalidate(CacheInvalidation(.anyTag(Array(tags)), mode: mode))
  }

  /// Invalidates what has all of these tags.
  @discardableResult
  public func invalidate(
    allOf tags: some Sequence<String>, mode: CacheInvalidation.Mode = .hard
  ) async -> InvalidationReceipt {
    await invalidate(CacheInvalidation(.allTags(Array(tags)), mode: mode))
  }

  /// Invalidates what is stored for paths that begin with `prefix`, at any authority.
  @discardableResult
  public func invalidate(
    pathPrefix prefix: String, mode: CacheInvalidation.Mode = .hard
  ) async -> InvalidationReceipt {
    await invalidate(CacheInvalidation(.pathPrefix(prefix), mode: mode))
  }

  /// Invalidates what `predicate` is true for, by key and tags.
  ///
  /// It is called for everything that is stored, for each call to the origin that is under way (without tags then), and again
  /// when its answer has come; by several tasks at once.
  @discardableResult
  public func invalidate(
    mode: CacheInvalidation.Mode = .hard, where predicate: @escaping @Sendable (CacheKey, [String]) -> Bool
  ) async -> InvalidationReceipt {
    await invalidate(CacheInvalidation(.matching(predicate), mode: mode))
  }

  /// Invalidates everything.
  @discardableResult
  public func invalidateAll(mode: CacheInvalidation.Mode = .hard) async -> InvalidationReceipt {
    await invalidate(CacheInvalidation(.everything, mode: mode))
  }

  /// Removes what is stored for `request`, all variants of it.
  ///
  /// - Returns: Whether something was stored.
  @discardableResult
  public func removeEntry(for request: CacheRequest) async -> Bool {
    guard let policy = router.policy(for: request), let key = key(of: request.as(.get), policy) else { return false }
    return await removeEntry(for: key)
  }

  /// Removes what is stored under `key`, all variants of it.
  ///
  /// - Returns: Whether something was stored.
  @discardableResult
  public func removeEntry(for key: CacheKey) async -> Bool {
    // A store elsewhere does not count what it removes: whether there is something has to be asked before.
    let isThere = memory == nil ? (try? await backend.lookup(key).entry) != nil : false
    guard let count = await invalidate(key: key).entryCount else { return isThere }
    return count > 0
  }

  /// Removes everything.
  public func removeAll() async { await invalidateAll() }
}
