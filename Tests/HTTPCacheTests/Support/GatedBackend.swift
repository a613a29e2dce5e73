//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

/// A backend that stores only when a test lets it, without which it cannot answer at once either.
final class GatedBackend: CacheBackend {
  private struct State {
    var entries: [CacheKey: CacheEntry] = [:]
    var isOpen = false
    var storing: [CheckedContinuation<Void, Never>] = []
    var isStoring = false
    var watchers: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Locked(State())

  private let log = InvalidationLog()

  func lookup(_ key: CacheKey) async throws -> CacheLookup {
    CacheLookup(entry: state.withLock { $0.entries[key] }, stamp: log.stamp)
  }

  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    await withCheckedContinuation { continuation in
      let (isOpen, watchers) = state.withLock { state in
        state.isStoring = true
        if !state.isOpen { state.storing.append(continuation) }
        defer { state.watchers = [] }
        return (state.isOpen, state.watchers)
      }
      if isOpen { continuation.resume() }
      for watcher in watchers { watcher.resume() }
    }
    state.withLock { $0.entries[entry.key] = entry }
    return .stored
  }

  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    log.record(invalidation, at: .distantPast)
    state.withLock { state in
      state.entries = state.entries.filter { key, entry in
        !invalidation.concerns(key: key, tags: entry.tags?.names ?? [])
      }
    }
    return InvalidationReceipt()
  }

  func open() {
    state.withLock { state in
      state.isOpen = true
      defer { state.storing = [] }
      return state.storing
    }.forEach { $0.resume() }
  }

  func storing() async {
    await withCheckedContinuation { continuation in
      let isStoring = state.withLock { state in
        if !state.isStoring { state.watchers.append(continuation) }
        return state.isStoring
      }
      if isStoring { continuation.resume() }
    }
  }
}
