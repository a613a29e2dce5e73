//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

extension ConformanceRun {
  /// A process ends, and another goes on with the store. Losing entries is allowed; bringing back what was invalidated, or
  /// no longer invalidating what is kept, is not.
  func checkRestart() async throws {
    guard let restart = kit.restart else { return }
    for mode in [CacheInvalidation.Mode.hard, .soft] {
      for (target, invalidation, concerned, others) in Self.invalidations(mode) {
        try await checkInvalidatedBefore(restart, mode, target, invalidation, concerned, others)
        try await checkInvalidatedAfter(restart, mode, target, invalidation, concerned, others)
      }
    }
  }

  /// Unrelated invalidations, so that the count is far from its beginning.
  private func age(_ backend: any CacheBackend) async throws {
    for number in 0..<20 {
      _ = try await invalidate(.key, CacheInvalidation(.key(Self.key("/unrelated/\(number)"))), in: backend)
    }
  }

  private func checkInvalidatedBefore(
    _ restart: BackendConformance.PeerFactory, _ mode: CacheInvalidation.Mode, _ target: BackendConformance.Target,
    _ invalidation: CacheInvalidation, _ concerned: String, _ others: [String]
  ) async throws {
    var backend = try await kit.makeBackend()
    try await age(backend)
    for path in Self.invalidationPaths { try await store(invalidationEntry(path), in: backend, "storing") }
    let stamp = try await backend.lookup(Self.key(concerned)).stamp
    guard try await invalidate(target, invalidation, in: backend) else { return }
    let occasion = "restarted after invalidating by \(target.rawValue)"
    // Twice: the second beginning must not be earlier than the first.
    for round in 1...2 {
      backend = try await restart(backend)
      try await expectNotFresh(Self.key(concerned), mode, in: backend, "\(occasion), round \(round)")
      for path in others { try await expectSameIfKept(invalidationEntry(path), in: backend, "\(occasion), another") }
    }
    // A response that was asked for by the first process.
    let filled = invalidationEntry(concerned, body: "filled")
    if try await put(filled, stamp, in: backend) == .stored {
      try await expectNotFresh(filled.key, mode, in: backend, "\(occasion), asked for before that")
    }
    let renewed = invalidationEntry(concerned, body: "renewed")
    try await store(renewed, in: backend, "storing, \(occasion)")
    try await expectFound(renewed, in: backend, "stored, \(occasion)")
  }

  private func checkInvalidatedAfter(
    _ restart: BackendConformance.PeerFactory, _ mode: CacheInvalidation.Mode, _ target: BackendConformance.Target,
    _ invalidation: CacheInvalidation, _ concerned: String, _ others: [String]
  ) async throws {
    let first = try await kit.makeBackend()
    try await age(first)
    for path in Self.invalidationPaths { try await store(invalidationEntry(path), in: first, "storing") }
    let backend = try await restart(first)
    let occasion = "invalidated by \(target.rawValue) after a restart"
    for path in Self.invalidationPaths {
      try await expectSameIfKept(invalidationEntry(path), in: backend, "after a restart")
    }
    let stamp = try await backend.lookup(Self.key(concerned)).stamp
    guard try await invalidate(target, invalidation, in: backend) else { return }
    try await expectNotFresh(Self.key(concerned), mode, in: backend, occasion)
    for path in others { try await expectSameIfKept(invalidationEntry(path), in: backend, "\(occasion), another") }
    let filled = invalidationEntry(concerned, body: "filled")
    if try await put(filled, stamp, in: backend) == .stored {
      try await expectNotFresh(filled.key, mode, in: backend, "made while it was \(occasion)")
    }
    let renewed = invalidationEntry(concerned, body: "renewed")
    try await store(renewed, in: backend, "storing what was \(occasion)")
    try await expectFound(renewed, in: backend, "stored again after it was \(occasion)")
  }

  private func expectSameIfKept(_ entry: CacheEntry, in backend: any CacheBackend, _ occasion: String) async throws {
    guard let found = try await backend.lookup(entry.key).entry else { return }
    expectSame(found, entry, occasion)
  }
}
