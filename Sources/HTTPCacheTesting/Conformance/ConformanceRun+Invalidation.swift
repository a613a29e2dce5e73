//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

extension ConformanceRun {
  func checkInvalidation(_ mode: CacheInvalidation.Mode) async throws {
    for (target, invalidation, concerned, others) in Self.invalidations(mode) {
      let backend = try await kit.makeBackend()
      let entries = Self.invalidationPaths.map { invalidationEntry($0) }
      for entry in entries { try await store(entry, in: backend, "storing") }
      if case .soft = mode { try await kit.time.advance(.milliseconds(50)) }
      let before = now
      guard try await invalidate(target, invalidation, in: backend) else { continue }
      let occasion = "after invalidating by \(target.rawValue)"
      for entry in entries {
        if entry.key == Self.key(concerned) {
          switch mode {
          case .hard: try await expectAbsent(entry.key, in: backend, occasion)
          case .soft: try await expectStale(entry, since: before, in: backend, occasion)
          }
        } else if others.contains(where: { Self.key($0) == entry.key }) {
          try await expectFound(entry, in: backend, "\(occasion) another")
        }
      }
      // What is made from now on has nothing to do with it.
      let renewed = invalidationEntry(concerned, body: "renewed")
      try await store(renewed, in: backend, "storing \(occasion)")
      try await expectFound(renewed, in: backend, "stored \(occasion)")
      // Twice is no different from once.
      guard try await invalidate(target, invalidation, in: backend) else { continue }
      switch mode {
      case .hard: try await expectAbsent(renewed.key, in: backend, "\(occasion) twice")
      case .soft: try await expectStale(renewed, since: before, in: backend, "\(occasion) twice")
      }
    }
  }

  private func expectStale(
    _ entry: CacheEntry, since moment: CacheInstant, in backend: any CacheBackend, _ occasion: String
  ) async throws {
    guard let found = try await backend.lookup(entry.key).entry else {
      return fail(occasion, "the entry, stale", "nothing")
    }
    expectSame(found, entry, occasion)
    let freshUntil = found.times.freshUntil
    if freshUntil > now {
      fail(occasion, "an entry that is stale", "one that is fresh for \(freshUntil.duration(since: now))")
    }
    if freshUntil < moment.advanced(by: .seconds(-1)) {
      fail(occasion, "an entry that is stale since a moment ago", "since \(now.duration(since: freshUntil))")
    }
    // The windows are as long as they were, and begin there.
    let window = found.times.staleIfErrorUntil.duration(since: freshUntil)
    let expected = entry.times.staleIfErrorUntil.duration(since: entry.times.freshUntil)
    if window > expected + .seconds(1) || window < expected - .seconds(1) {
      fail("\(occasion), the window of stale-if-error", "\(expected)", "\(window)")
    }
  }

  func checkFills() async throws {
    for mode in [CacheInvalidation.Mode.hard, .soft] {
      for (target, invalidation, concerned, others) in Self.invalidations(mode) {
        let backend = try await kit.makeBackend()
        // Once for a key that nothing is stored under, once for one that has an older response.
        for isStored in [false, true] {
          let occasion =
            "made while it was invalidated by \(target.rawValue)\(isStored ? ", in place of another" : "")"
          if isStored { try await store(invalidationEntry(concerned, body: "older"), in: backend, "storing") }
          let stamp = try await backend.lookup(Self.key(concerned)).stamp
          var otherStamps: [(String, InvalidationStamp)] = []
          for path in others { otherStamps.append((path, try await backend.lookup(Self.key(path)).stamp)) }
          let before = now
          guard try await invalidate(target, invalidation, in: backend) else { break }
          let filled = invalidationEntry(concerned, body: "filled")
          switch try await put(filled, stamp, in: backend) {
          case .stored where mode == .soft: try await expectStale(filled, since: before, in: backend, occasion)
          case .stored, .refused, .invalidated:
            guard let found = try await backend.lookup(filled.key).entry else { break }
            if mode == .hard {
              fail(occasion, "not to be found", "found with \(found.body.count) bytes")
            } else if found.times.freshUntil > now {
              fail(occasion, "not to be found fresh", "found fresh")
            }
          case .unavailable: fail(occasion, "an answer", "unavailable")
          }
          for (path, stamp) in otherStamps {
            let other = invalidationEntry(path, body: "other")
            let result = try await put(other, stamp, in: backend)
            // Too strict is allowed where the backend keeps no more; found is found whole.
            if result == .stored { try await expectFound(other, in: backend, "not concerned, \(occasion)") }
          }
          let renewed = invalidationEntry(concerned, body: "renewed")
          try await store(renewed, in: backend, "storing after it was \(occasion)")
          try await expectFound(renewed, in: backend, "stored after it was \(occasion)")
        }
      }
    }
    try await checkInterleavings()
  }

  /// A fill and an invalidation at the same time: afterwards, what was asked for before the invalidation is not there.
  private func checkInterleavings() async throws {
    let backend = try await kit.makeBackend()
    for round in 0..<200 {
      let key = Self.key("/raced/\(round % 7)")
      let entry = entry(key, Bytes("\(round)"), tags: ["raced"])
      let stamp = try await backend.lookup(key).stamp
      let invalidation = CacheInvalidation(round % 2 == 0 ? .key(key) : .anyTag(["raced"]))
      async let stored = put(entry, stamp, in: backend)
      async let isDone = invalidate(round % 2 == 0 ? .key : .anyTag, invalidation, in: backend)
      _ = try await stored
      if try await isDone, let found = try await backend.lookup(key).entry {
        fail("a fill that began before an invalidation", "nothing", "an entry with \(found.body)")
      }
    }
  }

  func checkSynchronous() async throws {
    let backend = try await kit.makeBackend()
    let key = Self.key("/sync")
    if case .found = backend.peek(key, at: now) { fail("peeking before anything is stored", "nothing", "an entry") }
    let entry = entry(key, tags: ["sync"])
    var stamp = try await backend.lookup(key).stamp
    if let stampNow = backend.stampNow { stamp = stampNow }
    switch backend.storeNow(entry, stamp: stamp) {
    case .stored:
      try await expectFound(entry, in: backend, "stored without waiting")
    case .unavailable:
      try await store(entry, in: backend, "storing")
    case let result:
      fail("storing without waiting", "stored or unavailable", "\(result)")
    }
    switch backend.peek(key, at: now) {
    case .found(let found): expectSame(found, entry, "peeking")
    case .absent: fail("peeking at what is stored", "the entry, or unknown", "absent")
    case .unknown: break
    }
    if let stampNow = backend.stampNow {
      if let verdict = backend.verdictNow(key: key, tags: entry.tags, since: stampNow) {
        expect(verdict, .valid, "the verdict when nothing was invalidated")
      }
      try await backend.removeEntry(for: key)
      if case .found = backend.peek(key, at: now) { fail("peeking after it was removed", "nothing", "an entry") }
      if backend.storeNow(entry, stamp: stampNow) == .stored {
        try await expectAbsent(key, in: backend, "stored without waiting after it was invalidated")
      }
      if let verdict = backend.verdictNow(key: key, tags: entry.tags, since: stampNow) {
        expect(verdict, .void, "the verdict after the key was invalidated")
      }
    }
  }
}
