//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Where entries are kept.
///
/// A backend stores and finds; it decides nothing about HTTP. Whether an entry may be used is the cache's business, also
/// when the entry has expired: a backend may drop an entry at any time, and should when ``EntryTimes/reclaimAt`` has come.
///
/// What it does decide is whether an entry has been invalidated. It numbers its invalidations (``InvalidationStamp``),
/// hands out the number of the last one with every lookup, gets it back with the entry that came of it, and from then on
/// never returns the entry once it has been invalidated since; one that was invalidated softly is returned as stale
/// (``EntryTimes/stale(since:)``). A backend in this process's memory keeps an ``InvalidationLog`` for that.
///
/// Three requirements are asynchronous: ``lookup(_:)``, ``store(_:stamp:)``, ``invalidate(_:)``. The synchronous ones are
/// what makes a hit in memory cost no suspension; a backend that cannot answer without waiting leaves them at their
/// defaults.
///
/// `BackendConformance` in `HTTPCacheTesting` checks a backend for all of this.
public protocol CacheBackend: Sendable {
  /// The clock that the moments of entries are compared with; nil (the default) for a backend that reads none. A cache takes
  /// over the clock of its backend, and refuses to be given another.
  var entryClock: CacheClock? { get }

  /// Looks without waiting.
  ///
  /// - Parameter now: The time, for recency; saves the backend reading a clock.
  /// - Returns: ``CachePeek/unknown`` (the default) when finding out would mean waiting; then `lookup(_:)` is asked.
  func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek

  /// The number of the last invalidation, if that can be had without waiting; nil by default. Asked after a `peek` that
  /// has found nothing useful and before the handler is called.
  var stampNow: InvalidationStamp? { get }

  /// Finds an entry, and the number of the last invalidation, in one go.
  ///
  /// - Throws: When the store cannot be asked. The cache treats that as a miss and stores nothing.
  func lookup(_ key: CacheKey) async throws -> CacheLookup

  /// Finds several entries. Asked for a URL whose responses vary: for the list of its variants and, at the same time, for the
  /// variant that the request selects, as far as the cache remembers the list.
  ///
  /// By default one is looked up after the other. A backend behind a network asks for all in one round trip.
  ///
  /// - Returns: As many results as `keys`, in the same order.
  /// - Throws: When the store cannot be asked.
  func lookup(all keys: [CacheKey]) async throws -> [CacheLookup]

  /// Stores without waiting.
  ///
  /// - Parameter stamp: What came with the lookup before the response was asked for.
  /// - Returns: ``CacheStoreResult/unavailable`` (the default) when storing would mean waiting; then `store(_:stamp:)` is
  ///   called.
  func storeNow(_ entry: CacheEntry, stamp: InvalidationStamp) -> CacheStoreResult

  /// Stores an entry under its key, in place of what is there, unless it has been invalidated since `stamp`.
  ///
  /// - Parameter stamp: What came with the lookup before the response was asked for.
  /// - Throws: When the store cannot be reached.
  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult

  /// Makes entries void or stale, also those that are being made at this moment. When it returns, no lookup that begins
  /// afterwards finds what it concerned.
  ///
  /// - Returns: What it did.
  /// - Throws: When the store cannot be reached, or does not have this kind of invalidation
  ///   (``CacheError/Code/unsupported``).
  @discardableResult
  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt

  /// What the invalidations since `stamp` mean for a response with this key and these tags, if that can be told without
  /// waiting; nil by default. Decides who may share a response that is still on its way.
  func verdictNow(key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp) -> InvalidationVerdict?
}

extension CacheBackend {
  /// Nil: this backend reads no clock.
  public var entryClock: CacheClock? { nil }
  /// ``CachePeek/unknown``: this backend cannot answer without waiting.
  public func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek { .unknown }
  /// One lookup after the other.
  public func lookup(all keys: [CacheKey]) async throws -> [CacheLookup] {
    var found: [CacheLookup] = []
    for key in keys { found.append(try await lookup(key)) }
    return found
  }
  /// Nil: this backend cannot answer without waiting.
  public var stampNow: InvalidationStamp? { nil }
  /// ``CacheStoreResult/unavailable``: this backend cannot store without waiting.
  public func storeNow(_ entry: CacheEntry, stamp: InvalidationStamp) -> CacheStoreResult { .unavailable }
  /// Nil: this backend cannot answer without waiting.
  public func verdictNow(
    key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp
  ) -> InvalidationVerdict? { nil }

  /// Removes what is stored under `key`, all variants of it.
  public func removeEntry(for key: CacheKey) async throws { try await invalidate(CacheInvalidation(.key(key))) }
  /// Removes everything.
  public func removeAll() async throws { try await invalidate(CacheInvalidation(.everything)) }
}
