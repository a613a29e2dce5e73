//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Where entries are kept.
///
/// A backend stores and finds; it decides nothing about HTTP. Whether an entry may be used is the cache's business, also
/// when the entry has expired: a backend may drop an entry at any time, and should when ``EntryTimes/reclaimAt`` has come.
///
/// The two synchronous requirements are what makes a hit in memory cost no suspension. A backend that cannot answer
/// without waiting leaves them at their defaults.
public protocol CacheBackend: Sendable {
  /// Looks without waiting.
  ///
  /// - Parameter now: The time, for recency; saves the backend reading a clock.
  /// - Returns: ``CachePeek/unknown`` (the default) when finding out would mean waiting; then `entry(for:)` is asked.
  func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek

  /// Finds an entry.
  ///
  /// - Throws: When the store cannot be asked. The cache treats that as a miss.
  func entry(for key: CacheKey) async throws -> CacheEntry?

  /// Stores without waiting.
  ///
  /// - Returns: ``CacheStoreResult/unavailable`` (the default) when storing would mean waiting; then `store(_:)` is called.
  func storeNow(_ entry: CacheEntry) -> CacheStoreResult

  /// Stores an entry under its key, in place of what is there.
  ///
  /// - Returns: Whether it was taken. A backend may refuse, for instance what is too large for it.
  /// - Throws: When the store cannot be reached.
  func store(_ entry: CacheEntry) async throws -> Bool

  /// Removes an entry.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  func removeEntry(for key: CacheKey) async throws -> Bool

  /// Removes everything.
  func removeAll() async throws
}

/// What a look without waiting found.
public enum CachePeek: Sendable {
  /// This entry.
  case found(CacheEntry)
  /// There is none.
  case absent
  /// Finding out would mean waiting.
  case unknown
}

/// What became of an attempt to store without waiting.
public enum CacheStoreResult: Hashable, Sendable {
  /// It is stored.
  case stored
  /// The backend does not take it.
  case refused
  /// Storing would mean waiting.
  case unavailable
}

extension CacheBackend {
  /// ``CachePeek/unknown``: this backend cannot answer without waiting.
  public func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek { .unknown }
  /// ``CacheStoreResult/unavailable``: this backend cannot store without waiting.
  public func storeNow(_ entry: CacheEntry) -> CacheStoreResult { .unavailable }
}
