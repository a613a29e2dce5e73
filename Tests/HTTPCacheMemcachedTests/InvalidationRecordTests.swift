//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import HTTPCacheMemcached

@Suite struct InvalidationRecordTests {
  private func at(_ seconds: Int64) -> UnixTime { UnixTime(seconds: seconds) }

  @Test func `a mark tells hard from soft, and what was asked for before from what came after`() {
    var mark = MemcachedMark(hard: 10)
    mark.add(20, .soft, at: at(100))
    mark.add(30, .soft, at: at(200))
    #expect(mark.verdict(since: 9) == .void)
    #expect(mark.verdict(since: 10) == .stale(since: at(100)))
    #expect(mark.verdict(since: 25) == .stale(since: at(200)))
    #expect(mark.verdict(since: 30) == .valid)
    mark.add(25, .hard, at: at(300))
    #expect(mark.verdict(since: 24) == .void)
    #expect(mark.verdict(since: 25) == .stale(since: at(200)))
  }

  @Test func `marks come to the same in whatever order they are written`() {
    let all: [(UInt64, CacheInvalidation.Mode)] = [(11, .soft), (12, .hard), (13, .soft), (14, .soft)]
    var random = SystemRandomNumberGenerator()
    let marks = (0..<50).map { _ in
      all.shuffled(using: &random).reduce(into: MemcachedMark(hard: 10)) { $0.add($1.0, $1.1, at: at(Int64($1.0))) }
    }
    #expect(Set(marks).count == 1)
  }

  @Test func `too many soft ones become rather too strict than too lenient`() {
    var mark = MemcachedMark(hard: 1)
    for number: UInt64 in 2...20 { mark.add(number, .soft, at: at(Int64(number))) }
    #expect(mark.soft.count == MemcachedMark.softLimit)
    for stamp: UInt64 in 1...20 {
      guard case .stale(let moment) = mark.verdict(since: stamp) else {
        #expect(stamp == 20)
        continue
      }
      #expect(moment <= at(Int64(stamp) + 1))
    }
  }

  @Test func `marks and ledgers read as they were written`() throws {
    var mark = MemcachedMark(hard: 1_790_000_000_000_000)
    #expect(MemcachedMark(mark.text) == mark)
    mark.add(1_790_000_000_000_001, .soft, at: at(5))
    mark.add(1_790_000_000_000_007, .soft, at: at(-5))
    #expect(MemcachedMark(mark.text) == mark)

    var ledger = InvalidationLedger(hard: 5)
    #expect(InvalidationLedger(Bytes(ledger.text))?.text == ledger.text)
    ledger.add(6, .soft, at: at(1))
    let targets: [CacheInvalidation.Target] = [
      .allTags(["a", "b c\n", "ü:3"]), .pathPrefix("/a b/\n"), .pathPrefix(""), .allTags([":", ""]),
    ]
    for (number, target) in targets.enumerated() {
      ledger.add(rule(7 + UInt64(number), number % 2 == 0 ? .hard : .soft, at(9), target))
    }
    let read = try #require(InvalidationLedger(Bytes(ledger.text)))
    #expect(read.text == ledger.text)
    #expect(read.last == 10)
    #expect(ledger.rules.rules.count == 4)
    for (path, tags, stamp) in [("/a b/\nc", [""], 8), ("/c", [":", "", "b c\n"], 9), ("/c", [], 9), ("/c", [], 10)] {
      var candidate = InvalidationCandidate(key: CacheKey(scheme: "http", authority: "a", target: path), tags: tags)
      #expect(
        read.verdict(&candidate, since: UInt64(stamp)) == ledger.verdict(&candidate, since: UInt64(stamp)), "\(path)")
    }
  }

  private func rule(
    _ number: UInt64, _ mode: CacheInvalidation.Mode, _ moment: UnixTime, _ target: CacheInvalidation.Target
  ) -> InvalidationLedger.Rules.Rule {
    InvalidationLedger.Rules.Rule(number: number, moment: moment, mode: mode, target: InvalidationTarget(target))
  }

  @Test(arguments: [
    "", " ", "x", "-1", "1 ", "1 2", "1 2@", "1 0@5", "1 3@1 2@1", "1 2@1 3@1 4@1 5@1 6@1", "99999999999999999999",
    "1\n", "1\nh", "1\nh 2 3 p 1", "1\nh 2 3 p 1 0", "1\nh 2 3 p x \(Self.digest)", "1\nh 2 3 p -1 \(Self.digest)",
    "1\nh 2 3 p 9223372036854775808 \(Self.digest)", "1\nh 2 3 q 1 \(Self.digest)", "1\nh 0 3 p 1 \(Self.digest)",
    "1\nx 2 3 p 1 \(Self.digest)", "1\nh 2 3 t", "1\nh 2 3 t ", "1\nh 2 3 t \(Self.digest.dropLast())",
    "1\nh 2 3 t \(Self.digest)0",
    "1\nh 2 3 t \(Self.digest) ", "1\nh 2 99999999999999999999 t \(Self.digest)",
    "1\nh 2305843009213693952 3 t \(Self.digest)",
    "2305843009213693952", "18446744073709551610", "1\nh 3 3 t \(Self.digest)\nh 2 3 t \(Self.digest)",
  ])
  func `anything else is refused`(text: String) {
    #expect(InvalidationLedger(Bytes(text)) == nil)
  }

  private static let digest = "0123456789abcdef0123456789abcdef"

  @Test func `a damaged ledger is never read past its end`() {
    var ledger = InvalidationLedger(hard: 5)
    ledger.add(rule(7, .hard, at(9), .allTags(["abc", "defghijkl"])))
    ledger.add(rule(8, .soft, at(9), .pathPrefix("/a/b")))
    let bytes = Array(ledger.text.utf8)
    for position in bytes.indices {
      _ = InvalidationLedger(Bytes(bytes[..<position]))
      for bit: UInt8 in 0..<8 {
        var damaged = bytes
        damaged[position] ^= 1 << bit
        _ = InvalidationLedger(Bytes(damaged))
      }
    }
  }

  @Test func `rules beyond the limit void what they may have concerned`() {
    var ledger = InvalidationLedger(hard: 1)
    for number: UInt64 in 2...100 { ledger.add(rule(number, .soft, at(1), .pathPrefix("/\(number)"))) }
    #expect(ledger.rules.rules.count == InvalidationLedger.limit)
    var candidate = InvalidationCandidate(key: CacheKey(scheme: "http", authority: "a", target: "/other"), tags: [])
    #expect(ledger.verdict(&candidate, since: 50) == .void)
    #expect(ledger.verdict(&candidate, since: 90) == .valid)
    #expect(ledger.text.utf8.count <= InvalidationLedger.byteLimit)
  }

  @Test(arguments: [CacheInvalidation.Mode.hard, .soft])
  func `the same rule again and again takes no room, and voids nothing else`(mode: CacheInvalidation.Mode) {
    var ledger = InvalidationLedger(hard: 1)
    for number: UInt64 in 2...1000 { ledger.add(rule(number, mode, at(Int64(number)), .pathPrefix("/a"))) }
    #expect(ledger.rules.rules.count <= 4)
    var other = InvalidationCandidate(key: CacheKey(scheme: "http", authority: "a", target: "/b"), tags: [])
    #expect(ledger.verdict(&other, since: 1) == .valid)
    var concerned = InvalidationCandidate(key: CacheKey(scheme: "http", authority: "a", target: "/a"), tags: [])
    for stamp: UInt64 in 1..<1000 {
      switch ledger.verdict(&concerned, since: stamp) {
      case .valid: Issue.record("valid since \(stamp)")
      case .void: #expect(mode == .hard)
      case .stale(let moment): #expect(moment <= at(Int64(stamp) + 1) && mode == .soft)
      }
    }
  }

  @Test func `rules come to the same in whatever order they are written`() {
    let targets: [CacheInvalidation.Target] = [.pathPrefix("/a"), .allTags(["a", "b"]), .pathPrefix("/")]
    let rules = (2...20 as ClosedRange<UInt64>).map { number in
      rule(number, number % 3 == 0 ? .hard : .soft, at(Int64(number)), targets[Int(number % 3)])
    }
    var candidate = InvalidationCandidate(
      key: CacheKey(scheme: "http", authority: "a", target: "/a"), tags: ["a", "b"])
    for _ in 0..<50 {
      var ledger = InvalidationLedger(hard: 1)
      for rule in rules.shuffled() { ledger.add(rule) }
      for stamp: UInt64 in 1...20 {
        // Never less than any of them says.
        for rule in rules where rule.number > stamp && rule.target.concerns(&candidate) {
          let one: MemcachedVerdict = rule.mode == .hard ? .void : .stale(since: rule.moment)
          let all = ledger.verdict(&candidate, since: stamp)
          if case .stale(let moment) = all, case .stale(let limit) = one {
            #expect(moment.milliseconds <= limit.milliseconds + 1000)
          } else {
            #expect(all == .void)
          }
        }
      }
    }
  }
}
