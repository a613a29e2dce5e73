//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// What a store's log of invalidations says of entries from before, and for how long it remembers.
@Suite struct InvalidationLogTests {
  static let key = CacheKey(scheme: "http", authority: "a", target: "/p/1")
  static let other = CacheKey(scheme: "http", authority: "a", target: "/q/1")
  static let first = CacheInstant(nanoseconds: 1_000)
  static let second = CacheInstant(nanoseconds: 2_000)

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var invalidations: [CacheInvalidation]
    var expected: InvalidationVerdict
    /// For an entry of a store that acts on keys, prefixes and predicates itself; the same unless given.
    var ofStored: InvalidationVerdict?
    var testDescription: String { name }

    init(
      _ name: String, _ invalidations: [CacheInvalidation], _ expected: InvalidationVerdict,
      ofStored: InvalidationVerdict? = nil
    ) {
      self.name = name
      self.invalidations = invalidations
      self.expected = expected
      self.ofStored = ofStored
    }
  }

  private static func hard(_ target: CacheInvalidation.Target) -> CacheInvalidation { CacheInvalidation(target) }
  private static func soft(_ target: CacheInvalidation.Target) -> CacheInvalidation {
    CacheInvalidation(target, mode: .soft)
  }

  /// The entry has the key `/p/1`, variant "v", and the tags x and y. The n-th invalidation is made n microseconds after the
  /// origin of time.
  static let cases: [Case] = [
    Case("nothing", [], .valid),
    Case("its tag", [hard(.anyTag(["x"]))], .void),
    Case("another tag", [hard(.anyTag(["z"]))], .valid),
    Case("one of several tags", [hard(.anyTag(["z", "y"]))], .void),
    Case("no tags", [hard(.anyTag([]))], .valid),
    Case("all of its tags", [hard(.allTags(["x", "y"]))], .void),
    Case("one tag more than it has", [hard(.allTags(["x", "y", "z"]))], .valid),
    Case("all of one tag", [hard(.allTags(["x"]))], .void),
    Case("all of no tags", [hard(.allTags([]))], .valid),
    Case("its resource's key", [hard(.key(key))], .void, ofStored: .valid),
    Case("its own key", [hard(.key(key.variant("v")))], .void, ofStored: .valid),
    Case("another variant's key", [hard(.key(key.variant("w")))], .valid),
    Case("another key", [hard(.key(other))], .valid),
    Case("its path's prefix", [hard(.pathPrefix("/p/"))], .void, ofStored: .valid),
    Case("another prefix", [hard(.pathPrefix("/q"))], .valid),
    Case("a predicate on its tags", [hard(.matching { _, tags in tags.contains("y") })], .void, ofStored: .valid),
    Case("a predicate on another key", [hard(.matching { key, _ in key == other })], .valid),
    Case("everything", [hard(.everything)], .void),
    Case("its tag, softly", [soft(.anyTag(["x"]))], .stale(since: first)),
    Case("its key, softly", [soft(.key(key))], .stale(since: first)),
    Case("everything, softly", [soft(.everything)], .stale(since: first)),
    Case("all of its tags, softly", [soft(.allTags(["y", "x"]))], .stale(since: first)),
    Case("its prefix, softly", [soft(.pathPrefix("/"))], .stale(since: first), ofStored: .valid),
    Case("softly twice: since the first", [soft(.anyTag(["x"])), soft(.anyTag(["x"]))], .stale(since: first)),
    Case("by two tags: since the first", [soft(.anyTag(["y"])), soft(.anyTag(["x"]))], .stale(since: first)),
    Case("softly, then hard", [soft(.anyTag(["x"])), hard(.anyTag(["x"]))], .void),
    Case("hard, then softly", [hard(.anyTag(["x"])), soft(.anyTag(["x"]))], .void),
    Case("everything hard, then a tag softly", [hard(.everything), soft(.anyTag(["x"]))], .void),
    Case("another's hard, its own softly", [hard(.anyTag(["z"])), soft(.anyTag(["x"]))], .stale(since: second)),
    Case(
      "a prefix softly, a tag hard", [soft(.pathPrefix("/p")), hard(.anyTag(["x"]))], .void),
  ]

  @Test(arguments: cases) func `tells what has become of an entry`(_ testCase: Case) {
    let log = InvalidationLog()
    // Something from before must make no difference.
    log.record(Self.hard(.anyTag(["x"])), at: .distantPast)
    log.record(Self.hard(.everything), at: .distantPast)
    let stamp = log.stamp
    for (index, invalidation) in testCase.invalidations.enumerated() {
      log.record(invalidation, at: CacheInstant(nanoseconds: Int64(index + 1) * 1000))
    }
    let key = Self.key.variant("v")
    let tags = CacheTags(["x", "y"])
    #expect(log.verdict(key: key, tags: tags, since: stamp) == testCase.expected)
    #expect(log.storedVerdict(key: key, tags: tags, since: stamp.number) == testCase.ofStored ?? testCase.expected)
    #expect(log.isCurrent(stamp) == testCase.invalidations.isEmpty)
    // And an entry that was asked for afterwards is valid whatever there was.
    #expect(log.verdict(key: key, tags: tags, since: log.stamp) == .valid)
    #expect(log.storedVerdict(key: key, tags: tags, since: log.stamp.number) == .valid)
  }

  @Test func `many soft invalidations of one tag never let an entry look younger than it is`() {
    let log = InvalidationLog()
    var stamps: [InvalidationStamp] = []
    for number in 1...50 {
      stamps.append(log.stamp)
      log.record(CacheInvalidation(.anyTag(["x"]), mode: .soft), at: CacheInstant(nanoseconds: Int64(number)))
    }
    for (index, stamp) in stamps.enumerated() {
      guard case .stale(let moment) = log.verdict(key: Self.key, tags: CacheTags(["x"]), since: stamp) else {
        Issue.record("entry \(index) is not stale")
        continue
      }
      #expect(moment.nanoseconds <= index + 1)
    }
    // The latest are told apart exactly.
    #expect(
      log.verdict(key: Self.key, tags: CacheTags(["x"]), since: stamps[49])
        == .stale(since: CacheInstant(nanoseconds: 50)))
  }

  @Test func `beyond the limit the oldest are forgotten, and what is older still is void rather than valid`() {
    let log = InvalidationLog(limit: 8)
    let stamp = log.stamp
    for number in 0..<8 { log.record(CacheInvalidation(.anyTag(["t\(number)"])), at: .distantPast) }
    #expect(log.verdict(key: Self.key, tags: nil, since: stamp) == .valid)
    log.record(CacheInvalidation(.anyTag(["t8"])), at: .distantPast)
    #expect(log.markCount == 8)
    #expect(log.verdict(key: Self.key, tags: nil, since: stamp) == .void)
    #expect(log.storedVerdict(key: Self.key, tags: nil, since: stamp.number) == .void)
    // What was asked for after the forgotten one is judged as ever.
    let later = InvalidationStamp(1)
    #expect(log.verdict(key: Self.key, tags: nil, since: later) == .valid)
    #expect(log.verdict(key: Self.key, tags: CacheTags(["t0"]), since: later) == .valid)
    #expect(log.verdict(key: Self.key, tags: CacheTags(["t1"]), since: later) == .void)
  }

  @Test func `no number of keys, prefixes and predicates voids what is stored`() {
    let log = InvalidationLog(limit: 8)
    let stamp = log.stamp
    for number in 0..<2_000 {
      log.record(CacheInvalidation(.key(CacheKey(custom: "\(number)"))), at: .distantPast)
      log.record(CacheInvalidation(.pathPrefix("/q/\(number)")), at: .distantPast)
    }
    #expect(log.storedVerdict(key: Self.key, tags: CacheTags(["x"]), since: stamp.number) == .valid)
    // A response on its way since then is not stored: nobody knows any more.
    #expect(log.verdict(key: Self.key, tags: nil, since: stamp) == .void)
    #expect(log.markCount <= 8)
  }

  @Test func `the same tag invalidated again and again takes no more memory than once`() {
    let log = InvalidationLog(limit: 100)
    for _ in 0..<10_000 { log.record(CacheInvalidation(.anyTag(["x"])), at: .distantPast) }
    #expect(log.markCount == 1)
    #expect(log.verdict(key: Self.key, tags: CacheTags(["y"]), since: InvalidationStamp(5_000)) == .valid)
    #expect(log.verdict(key: Self.key, tags: CacheTags(["x"]), since: InvalidationStamp(9_999)) == .void)
  }

  @Test func `what is forgotten on purpose voids only what was asked for before`() {
    let log = InvalidationLog()
    for number in 1...10 { log.record(CacheInvalidation(.anyTag(["t\(number)"])), at: .distantPast) }
    log.record(CacheInvalidation(.key(Self.key)), at: .distantPast)
    log.record(CacheInvalidation(.pathPrefix("/p")), at: .distantPast)
    log.record(CacheInvalidation(.allTags(["x", "y"])), at: .distantPast)
    log.record(CacheInvalidation(.everything, mode: .soft), at: Self.first)
    log.forget(through: 5)
    #expect(log.markCount == 7)
    #expect(log.verdict(key: Self.other, tags: CacheTags(["t4"]), since: InvalidationStamp(4)) == .void)
    #expect(log.verdict(key: Self.other, tags: CacheTags(["t6"]), since: InvalidationStamp(5)) == .void)
    #expect(
      log.verdict(key: Self.other, tags: CacheTags(["t6"]), since: InvalidationStamp(6)) == .stale(since: Self.first))
    log.forget(through: 14)
    #expect(log.markCount == 0)
    #expect(log.verdict(key: Self.other, tags: nil, since: InvalidationStamp(14)) == .valid)
    #expect(log.verdict(key: Self.other, tags: nil, since: InvalidationStamp(13)) == .void)
  }

  @Test func `rules beyond their limit are widened, not lost`() {
    var rules = InvalidationRules<CacheInstant>()
    let limit = InvalidationRules<CacheInstant>.limit
    func verdict(_ key: CacheKey, since stamp: UInt64) -> InvalidationVerdict {
      var candidate = InvalidationCandidate(key: key, tags: [])
      return rules.verdict(&candidate, since: stamp)
    }
    for number in 1...UInt64(limit * 4) {
      rules.append(
        .init(number: number, moment: Self.first, mode: .hard, target: InvalidationTarget(.pathPrefix("/\(number)/"))))
      #expect(rules.rules.count < 2 * limit)
    }
    let last = UInt64(limit * 4)
    #expect(verdict(Self.key, since: 0) == .void)
    #expect(verdict(Self.key, since: rules.floor) == .valid)
    #expect(verdict(CacheKey(scheme: "http", authority: "a", target: "/\(last)/x"), since: last - 1) == .void)
    #expect(rules.isCurrent(last))
    #expect(!rules.isCurrent(last - 1))
  }

  @Test func `a random history is judged as a list of all invalidations would be`() {
    for seed in 0..<40 {
      var generator = SplitMix64(seed: UInt64(seed))
      let log = InvalidationLog()
      var history: [CacheInvalidation] = []
      for step in 0..<60 {
        let tag = "t\(Int.random(in: 0..<4, using: &generator))"
        let mode: CacheInvalidation.Mode = Bool.random(using: &generator) ? .hard : .soft
        let target: CacheInvalidation.Target =
          switch Int.random(in: 0..<12, using: &generator) {
          case 0: .everything
          case 1: .allTags([tag, "t0"])
          case 2: .pathPrefix("/\(Int.random(in: 0..<3, using: &generator))")
          case 3: .key(CacheKey(scheme: "http", authority: "a", target: "/\(Int.random(in: 0..<3, using: &generator))"))
          case 4: .matching { _, tags in tags.contains(tag) }
          default: .anyTag([tag])
          }
        history.append(CacheInvalidation(target, mode: mode))
        log.record(history[step], at: CacheInstant(nanoseconds: Int64(step)))
      }
      for since in 0...60 {
        let key = CacheKey(scheme: "http", authority: "a", target: "/\(Int.random(in: 0..<3, using: &generator))")
        let tags = (0..<4).filter { _ in Bool.random(using: &generator) }.map { "t\($0)" }
        var expected = InvalidationVerdict.valid
        for (index, invalidation) in history.enumerated() where index >= since {
          guard invalidation.concerns(key: key, tags: tags) else { continue }
          expected = expected.merged(
            with: invalidation.mode == .hard ? .void : .stale(since: CacheInstant(nanoseconds: Int64(index))))
        }
        let verdict = log.verdict(key: key, tags: CacheTags(tags), since: InvalidationStamp(UInt64(since)))
        switch (verdict, expected) {
        // Soft invalidations of one subject run together beyond four: stale since earlier, never since later.
        case (.stale(let got), .stale(let wanted)): #expect(got <= wanted, "seed \(seed), since \(since)")
        default: #expect(verdict == expected, "seed \(seed), since \(since)")
        }
      }
    }
  }
}
