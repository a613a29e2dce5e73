//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

typealias BackendConformanceCheck = BackendConformance.Check

/// The kit accepts backends that keep their promises, and no others.
@Suite(.timeLimit(.minutes(5))) struct BackendConformanceTests {
  static let everyTarget = Set(BackendConformance.Target.allCases)

  private func expectConformance(
    _ targets: Set<BackendConformance.Target> = everyTarget, peer: BackendConformance.PeerFactory? = nil,
    _ make: @escaping @Sendable (ManualClock) throws -> any CacheBackend
  ) async {
    let clock = ManualClock()
    let failures = await BackendConformance(time: .manual(clock), requiredTargets: targets, makePeer: peer) {
      try make(clock)
    }.run()
    for failure in failures { Issue.record(failure) }
  }

  @Test(arguments: [EvictionPolicy.lru, .s3FIFO]) func `the in-memory backend conforms`(policy: EvictionPolicy) async {
    await expectConformance { clock in
      try InMemoryBackend(
        configuration: .init(capacity: 128 << 20, evictionPolicy: policy, clock: CacheClock(clock)))
    }
  }

  @Test func `the backend of the documentation conforms`() async {
    await expectConformance { DictionaryBackend(clock: CacheClock($0)) }
  }

  @Test func `the documentation shows the backend that is tested`() throws {
    let tests = URL(filePath: #filePath).deletingLastPathComponent()
    let root = tests.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let article = try String(
      contentsOf: root.appending(path: "Sources/HTTPCache/Documentation.docc/WritingABackend.md"), encoding: .utf8)
    let source = try String(contentsOf: tests.appending(path: "DictionaryBackend.swift"), encoding: .utf8)
    let code = try #require(source.range(of: "import HTTPCache")).lowerBound
    #expect(article.contains("```swift\n\(source[code...])```"))
  }

  @Test func `a shared store conforms, from two nodes`() async {
    await expectConformance(peer: { $0 }) { try SharedStore(clock: CacheClock($0)) }
  }

  @Test func `a wrapper without faults conforms`() async {
    await expectConformance(peer: { $0 }) { clock in
      FaultyBackend(try SharedStore(clock: CacheClock(clock)), clock: CacheClock(clock))
    }
    await expectConformance { clock in
      FaultyBackend(
        try InMemoryBackend(configuration: .init(clock: CacheClock(clock))), isSynchronous: true,
        clock: CacheClock(clock))
    }
  }

  @Test(arguments: FlawedBackend.Flaw.allCases) func `a flaw is noticed`(flaw: FlawedBackend.Flaw) async {
    let clock = ManualClock()
    let kit = BackendConformance(
      time: .manual(clock), requiredTargets: Self.everyTarget,
      makePeer: { other in
        FlawedBackend(flaw, clock: CacheClock(clock), peerOf: other as? FlawedBackend)
      },
      restart: { other in
        guard let other = other as? FlawedBackend else { throw CacheError(.unavailable, "another backend") }
        return await FlawedBackend(reopening: other)
      }
    ) { FlawedBackend(flaw, clock: CacheClock(clock)) }
    if flaw == .none {
      for failure in await kit.run() { Issue.record(failure) }
    } else {
      #expect(await !kit.run([flaw.check]).isEmpty)
    }
  }

  @Test func `what a backend does not have is refused, and may be if it is not required`() async {
    /// Has no invalidation but by key, and everything.
    struct Limited: CacheBackend {
      let base: InMemoryBackend
      func lookup(_ key: CacheKey) async throws -> CacheLookup { await base.lookup(key) }
      func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
        await base.store(entry, stamp: stamp)
      }
      func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
        switch invalidation.target {
        case .key, .everything: return await base.invalidate(invalidation)
        default: throw CacheError(.unsupported, "this store has no such invalidation")
        }
      }
    }
    let clock = ManualClock()
    var kit = BackendConformance(time: .manual(clock), requiredTargets: [.key, .everything]) {
      Limited(base: try InMemoryBackend(configuration: .init(clock: CacheClock(clock))))
    }
    let lenient = await kit.run()
    #expect(lenient.isEmpty, "\(lenient)")
    kit.requiredTargets.insert(.anyTag)
    let strict = await kit.run([.hardInvalidation])
    #expect(strict.map(\.occasion) == ["invalidating by anyTag"])
  }

  static let tierings: [String] = ["memory/memory", "memory/store", "memory/store, back", "store/store", "three tiers"]

  @Test(arguments: tierings) func `tiers conform`(tiering: String) async {
    await expectConformance { clock in
      let clock = CacheClock(clock)
      func memory() throws -> InMemoryBackend {
        try InMemoryBackend(configuration: .init(capacity: 128 << 20, clock: clock))
      }
      var configuration = TierConfiguration(clock: clock)
      switch tiering {
      case "memory/memory":
        return try MultiTierBackend(near: memory(), far: memory(), configuration: configuration)
      case "memory/store":
        return try MultiTierBackend(near: memory(), far: SharedStore(clock: clock), configuration: configuration)
      case "memory/store, back":
        configuration.writing = .back
        return try MultiTierBackend(near: memory(), far: SharedStore(clock: clock), configuration: configuration)
      case "store/store":
        return try MultiTierBackend(
          near: SharedStore(clock: clock), far: SharedStore(clock: clock), configuration: configuration)
      default:
        return try MultiTierBackend(
          near: memory(),
          far: MultiTierBackend(
            near: SharedStore(clock: clock), far: SharedStore(clock: clock), configuration: configuration),
          configuration: configuration)
      }
    }
  }
}
