//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

extension ConformanceRun {
  func checkConcurrency() async throws {
    let backend = try await kit.makeBackend()
    let keys = (0..<16).map { Self.key("/shared/\($0)") }
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<32 {
        group.addTask { [self] in
          var numbers = SplitMix64(seed: UInt64(worker))
          for _ in 0..<40 {
            let index = Int.random(in: 0..<keys.count, using: &numbers)
            do {
              switch Int.random(in: 0..<10, using: &numbers) {
              case 0: try await backend.removeEntry(for: keys[index])
              case 1: _ = try await invalidate(.anyTag, CacheInvalidation(.anyTag(["t\(index)"])), in: backend)
              case 2...5:
                let stamp = try await backend.lookup(keys[index]).stamp
                let seed = UInt64.random(in: 0..<1000, using: &numbers)
                let size = Int.random(in: 0..<20_000, using: &numbers)
                let entry = entry(
                  keys[index], Self.octets(size, seed: seed), fields: ["X-Seed": "\(seed)", "X-Size": "\(size)"],
                  tags: ["t\(index)"])
                _ = try await put(entry, stamp, in: backend)
              default:
                guard let found = try await backend.lookup(keys[index]).entry else { continue }
                expectWhole(found, keys[index])
              }
            } catch {
              fail("32 callers at once", "no error", "\(error)")
              return
            }
          }
        }
      }
    }
  }

  private func expectWhole(_ found: CacheEntry, _ key: CacheKey) {
    expect(found.key, key, "32 callers at once, the key")
    guard let seed = found.fields["X-Seed"].flatMap({ UInt64($0) }),
      let size = found.fields["X-Size"].flatMap({ Int($0) })
    else { return fail("32 callers at once", "an entry with its fields", "\(found.fields)") }
    expect(found.body == Self.octets(size, seed: seed), "the body that belongs to the head", "32 callers at once")
  }

  func checkCancellation() async throws {
    let backend = try await kit.makeBackend()
    let kept = entry(Self.key("/kept"), Self.octets(100_000))
    try await store(kept, in: backend, "storing")
    for round in 0..<20 {
      let key = Self.key("/cancelled/\(round)")
      let entry = entry(key, Self.octets(50_000, seed: UInt64(round)))
      // Before it begins, at some time or other, and a little later.
      @Sendable func begin() async {
        guard round % 3 == 0 else { return }
        while !Task.isCancelled { await Task.yield() }
      }
      let stamp = try await backend.lookup(key).stamp
      let tasks = [
        Task {
          await begin()
          _ = try await backend.lookup(kept.key)
        },
        Task {
          await begin()
          _ = try await backend.store(entry, stamp: stamp)
        },
        Task {
          await begin()
          _ = try await backend.invalidate(CacheInvalidation(.anyTag(["none"])))
        },
      ]
      if round % 3 == 1 { await Task.yield() }
      for task in tasks { task.cancel() }
      // Done, or given up; but over.
      for task in tasks { _ = await task.result }
      try await expectFound(kept, in: backend, "after others were cancelled")
      if let found = try await backend.lookup(key).entry { expectSame(found, entry, "stored by a cancelled caller") }
    }
    // An invalidation that was given up may still be carried out, and void too much while it is.
    let after = entry(Self.key("/after"))
    var result = CacheStoreResult.invalidated
    for _ in 0..<500 where result == .invalidated {
      result = try await put(after, backend.lookup(after.key).stamp, in: backend)
      if result == .invalidated { try await Task.sleep(for: .milliseconds(10)) }
    }
    expect(result, .stored, "storing after others were cancelled")
    try await expectFound(after, in: backend, "stored after others were cancelled")
  }

  func checkNodes() async throws {
    guard let makePeer = kit.makePeer else { return }
    for mode in [CacheInvalidation.Mode.hard, .soft] {
      for (target, invalidation, concerned, others) in Self.invalidations(mode) where target != .matching {
        let first = try await kit.makeBackend()
        let second = try await makePeer(first)
        let entries = Self.invalidationPaths.map { invalidationEntry($0) }
        for entry in entries {
          try await store(entry, in: first, "storing")
          try await expectFound(entry, in: second, "stored by the other node")
        }
        let stamp = try await second.lookup(Self.key(concerned)).stamp
        guard try await invalidate(target, invalidation, in: first) else { continue }
        let occasion = "after the other node has invalidated by \(target.rawValue)"
        try await expectNotFresh(Self.key(concerned), mode, in: second, occasion)
        for path in others { try await expectFound(invalidationEntry(path), in: second, "not concerned, \(occasion)") }
        let filled = invalidationEntry(concerned, body: "filled")
        if try await put(filled, stamp, in: second) == .stored {
          try await expectNotFresh(filled.key, mode, in: second, "filled here, \(occasion)")
        }
        try await expectNotFresh(filled.key, mode, in: first, "filled by the other node since")
        let renewed = invalidationEntry(concerned, body: "renewed")
        try await store(renewed, in: second, "storing \(occasion)")
        try await expectFound(renewed, in: first, "renewed by the other node")
      }
    }
  }

  func expectNotFresh(
    _ key: CacheKey, _ mode: CacheInvalidation.Mode, in backend: any CacheBackend, _ occasion: String
  ) async throws {
    switch mode {
    case .hard: try await expectAbsent(key, in: backend, occasion)
    case .soft:
      guard let found = try await backend.lookup(key).entry, found.times.freshUntil > now else { return }
      fail(
        occasion, "nothing that is fresh", "an entry that is fresh for \(found.times.freshUntil.duration(since: now))")
    }
  }

  func checkLeases() async throws {
    let backend = try await kit.makeBackend()
    guard let first = backend as? any LeasingBackend else { return }
    var second = first
    if let makePeer = kit.makePeer {
      guard let peer = try await makePeer(backend) as? any LeasingBackend else {
        return fail("a second node", "a LeasingBackend like the first", "none")
      }
      second = peer
    }
    let key = Self.key("/leased")
    guard let lease = try await first.acquireLease(for: key, duration: .seconds(30)) else {
      return fail("taking a lease that nobody holds", "a lease", "none")
    }
    expect(lease.key, key, "the key of a lease")
    expect(try await second.acquireLease(for: key, duration: .seconds(30)), nil, "taking a lease that is held")
    expect(try await first.acquireLease(for: key, duration: .seconds(30)), nil, "taking a lease that one holds oneself")
    let other = try await second.acquireLease(for: Self.key("/leased too"), duration: .seconds(30))
    expect(other != nil, "a lease", "taking a lease for another key")
    await second.releaseLease(CacheLease(key: key, token: lease.token &+ 1))
    expect(
      try await second.acquireLease(for: key, duration: .seconds(30)), nil,
      "taking a lease after somebody has given back another one for the same key")
    await first.releaseLease(lease)
    let next = try await second.acquireLease(for: key, duration: .milliseconds(700))
    expect(next != nil, "a lease", "taking a lease that was given back")
    expect(next?.token != lease.token, "another token", "the second lease for a key")
    // The old holder comes late.
    await first.releaseLease(lease)
    expect(
      try await first.acquireLease(for: key, duration: .seconds(30)), nil,
      "taking a lease after its former holder has given back the former lease")
    try await kit.time.advance(.milliseconds(1500))
    guard let taken = try await first.acquireLease(for: key, duration: .seconds(30)) else {
      return fail("taking a lease that has run out", "a lease", "none")
    }
    if let next { await second.releaseLease(next) }
    expect(
      try await second.acquireLease(for: key, duration: .seconds(30)), nil,
      "taking a lease after the holder of one that has run out has given it back")
    await first.releaseLease(taken)
    try await checkLeaseRace(first, second)
  }

  /// Of many who ask at once, one gets it.
  private func checkLeaseRace(_ first: any LeasingBackend, _ second: any LeasingBackend) async throws {
    for round in 0..<10 {
      let key = Self.key("/raced for/\(round)")
      let count = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<20 {
          group.addTask {
            try await (number % 2 == 0 ? first : second).acquireLease(for: key, duration: .seconds(30)) != nil
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      expect(count, 1, "how many of 20 who ask at once get a lease")
    }
  }
}
