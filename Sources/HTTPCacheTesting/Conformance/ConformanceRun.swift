//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// One check in progress: what it has found wrong, and what all checks need.
final class ConformanceRun: Sendable {
  let kit: BackendConformance
  let check: BackendConformance.Check
  private let state = Locked<[ConformanceFailure]>([])

  /// More would only hide the first ones.
  private static let limit = 16

  init(_ kit: BackendConformance, _ check: BackendConformance.Check) {
    self.kit = kit
    self.check = check
  }

  var failures: [ConformanceFailure] { state.withLock { $0 } }

  func fail(_ occasion: String, _ expected: String, _ found: String) {
    state.withLock { failures in
      guard failures.count < Self.limit else { return }
      failures.append(
        ConformanceFailure(check: check, occasion: occasion, expected: expected, found: String(found.prefix(300))))
    }
  }

  func expect<Value: Equatable>(_ found: Value, _ expected: Value, _ occasion: String) {
    if found != expected { fail(occasion, "\(expected)", "\(found)") }
  }

  func expect(_ condition: Bool, _ expected: String, _ occasion: String) {
    if !condition { fail(occasion, expected, "the contrary") }
  }

  // MARK: Entries

  var now: CacheInstant { kit.time.clock.now }

  static func key(_ path: String) -> CacheKey {
    CacheKey(scheme: "https", authority: "conformance.test", target: path)
  }

  func entry(
    _ key: CacheKey, _ body: Bytes = "content", status: Int = 200,
    fields: HeaderFields = ["Content-Type": "text/plain"],
    trailers: HeaderFields? = nil, tags: [String] = [], fresh: Duration = .seconds(3600),
    kept: Duration = .seconds(7200),
    traits: EntryTraits = []
  ) -> CacheEntry {
    let now = now
    let times = EntryTimes(
      birth: now, receivedAt: now, freshUntil: now.advanced(by: fresh),
      staleWhileRevalidateUntil: now.advanced(by: min(kept, fresh + .seconds(60))),
      staleIfErrorUntil: now.advanced(by: min(kept, fresh + .seconds(300))), reclaimAt: now.advanced(by: kept))
    return CacheEntry(
      key: key, status: status, fields: fields, body: body, trailers: trailers, times: times, traits: traits,
      cost: .milliseconds(12), tags: CacheTags(tags))
  }

  /// Stores as a cache does that has just looked.
  @discardableResult
  func store(_ entry: CacheEntry, in backend: any CacheBackend, _ occasion: String) async throws -> CacheStoreResult {
    let stamp = try await backend.lookup(entry.key).stamp
    let result = try await put(entry, stamp, in: backend)
    expect(result, .stored, occasion)
    return result
  }

  /// Stores as a cache does.
  func put(
    _ entry: CacheEntry, _ stamp: InvalidationStamp, in backend: any CacheBackend
  ) async throws -> CacheStoreResult {
    let result = backend.storeNow(entry, stamp: stamp)
    return result == .unavailable ? try await backend.store(entry, stamp: stamp) : result
  }

  /// Demands that what is found is `entry`.
  func expectFound(_ entry: CacheEntry, in backend: any CacheBackend, _ occasion: String) async throws {
    guard let found = try await backend.lookup(entry.key).entry else {
      return fail(occasion, "the entry stored for \(Self.brief(entry.key))", "nothing")
    }
    expectSame(found, entry, occasion)
    expectTimes(found.times, entry.times, occasion)
  }

  func expectAbsent(_ key: CacheKey, in backend: any CacheBackend, _ occasion: String) async throws {
    if let found = try await backend.lookup(key).entry {
      fail(occasion, "nothing for \(Self.brief(key))", "an entry with status \(found.status)")
    }
    if case .found = backend.peek(key, at: now) {
      fail("\(occasion), peeking", "nothing for \(Self.brief(key))", "an entry")
    }
  }

  func expectSame(_ found: CacheEntry, _ entry: CacheEntry, _ occasion: String) {
    expect(found.key, entry.key, "\(occasion), key")
    expect(found.status, entry.status, "\(occasion), status")
    if found.fields != entry.fields { fail("\(occasion), fields", "\(entry.fields)", "\(found.fields)") }
    if found.body != entry.body {
      fail("\(occasion), body", "the \(entry.body.count) bytes that were stored", "\(found.body.count) bytes")
    }
    expect(found.trailers, entry.trailers, "\(occasion), trailers")
    expect(found.traits, entry.traits, "\(occasion), traits")
    expect(found.tags?.names ?? [], entry.tags?.names ?? [], "\(occasion), tags")
    expect(found.variantIndex?.selectingFields, entry.variantIndex?.selectingFields, "\(occasion), variant index")
  }

  /// To the second: times may have been through a wall clock.
  func expectTimes(_ found: EntryTimes, _ times: EntryTimes, _ occasion: String) {
    for (name, path) in Self.moments {
      let difference = found[keyPath: path].duration(since: times[keyPath: path])
      // A backend may keep an entry for less long than it might.
      if difference > .seconds(1) || difference < .seconds(-1) && path != \.reclaimAt {
        fail("\(occasion), \(name)", "the moment that was stored", "\(difference) later")
      }
    }
  }

  private static var moments: [(String, KeyPath<EntryTimes, CacheInstant>)] {
    [
      ("birth", \.birth), ("receivedAt", \.receivedAt), ("freshUntil", \.freshUntil),
      ("staleWhileRevalidateUntil", \.staleWhileRevalidateUntil), ("staleIfErrorUntil", \.staleIfErrorUntil),
      ("reclaimAt", \.reclaimAt),
    ]
  }

  /// Octets that are not all the same, and different for different seeds.
  static func octets(_ count: Int, seed: UInt64 = 1) -> Bytes {
    var numbers = SplitMix64(seed: seed)
    var octets: [UInt8] = []
    octets.reserveCapacity(count + 8)
    while octets.count < count {
      withUnsafeBytes(of: numbers.next()) { octets.append(contentsOf: $0) }
    }
    return Bytes(octets.prefix(count))
  }

  static func brief(_ key: CacheKey) -> String {
    let text = key.text
    return text.utf8.count <= 60 ? text : "\(text.prefix(60))… (\(text.utf8.count) bytes)"
  }

  // MARK: Invalidations

  /// Invalidates.
  ///
  /// - Returns: Whether the backend has this kind of invalidation.
  func invalidate(
    _ target: BackendConformance.Target, _ invalidation: CacheInvalidation, in backend: any CacheBackend
  ) async throws -> Bool {
    do {
      try await backend.invalidate(invalidation)
      return true
    } catch let error as CacheError where error.code == .unsupported {
      if kit.requiredTargets.contains(target) {
        fail("invalidating by \(target.rawValue)", "it to be done", "\(error)")
      }
      return false
    }
  }

  /// One invalidation of each kind, with the path of an entry that it concerns, and of one that it does not. The entries
  /// have the tags that ``invalidationEntry(_:)`` gives them.
  static func invalidations(
    _ mode: CacheInvalidation.Mode
  ) -> [(target: BackendConformance.Target, invalidation: CacheInvalidation, concerned: String, others: [String])] {
    [
      (.key, CacheInvalidation(.key(key("/red/1")), mode: mode), "/red/1", ["/red/2", "/blue/1"]),
      (.anyTag, CacheInvalidation(.anyTag(["red", "none"]), mode: mode), "/red/1", ["/blue/1", "/plain"]),
      (.allTags, CacheInvalidation(.allTags(["red", "one"]), mode: mode), "/red/1", ["/red/2", "/blue/1"]),
      (.pathPrefix, CacheInvalidation(.pathPrefix("/red/"), mode: mode), "/red/2", ["/blue/1", "/plain"]),
      (
        .matching,
        CacheInvalidation(.matching { key, tags in key == Self.key("/blue/1") && tags.contains("blue") }, mode: mode),
        "/blue/1", ["/red/1", "/plain"]
      ),
      (.everything, CacheInvalidation(.everything, mode: mode), "/plain", []),
    ]
  }

  static let invalidationPaths = ["/red/1", "/red/2", "/blue/1", "/plain"]

  func invalidationEntry(_ path: String, body: Bytes = "content") -> CacheEntry {
    let tags =
      switch path {
      case "/red/1": ["red", "one"]
      case "/red/2": ["red", "two"]
      case "/blue/1": ["blue", "one"]
      default: [String]()
      }
    return entry(Self.key(path), body, tags: tags)
  }
}
