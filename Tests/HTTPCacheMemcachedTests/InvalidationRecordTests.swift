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
    var mark = InvalidationMark(hard: 10)
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
      all.shuffled(using: &random).reduce(into: InvalidationMark(hard: 10)) { $0.add($1.0, $1.1, at: at(Int64($1.0))) }
    }
    #expect(Set(marks).count == 1)
  }

  @Test func `too many soft ones become rather too strict than too lenient`() {
    var mark = InvalidationMark(hard: 1)
    for number: UInt64 in 2...20 { mark.add(number, .soft, at: at(Int64(number))) }
    #expect(mark.soft.count == InvalidationMark.limit)
    for stamp: UInt64 in 1...20 {
      guard case .stale(let moment) = mark.verdict(since: stamp) else {
        #expect(stamp == 20)
        continue
      }
      #expect(moment <= at(Int64(stamp) + 1))
    }
  }

  @Test func `marks and ledgers read as they were written`() throws {
    var mark = InvalidationMark(hard: 1_790_000_000_000_000)
    #expect(InvalidationMark(mark.text) == mark)
    mark.add(1_790_000_000_000_001, .soft, at: at(5))
    mark.add(1_790_000_000_000_007, .soft, at: at(-5))
    #expect(InvalidationMark(mark.text) == mark)

    var ledger = InvalidationLedger(hard: 5)
    #expect(InvalidationLedger(Bytes(ledger.text)) == ledger)
    ledger.add(6, .soft, at: at(1))
    let subjects: [InvalidationLedger.Subject] = [
      .allTags(["a", "b c\n", "ü:3"]), .pathPrefix("/a b/\n"), .pathPrefix(""), .allTags([":", ""]),
    ]
    for (number, subject) in subjects.enumerated() {
      ledger.add(
        InvalidationLedger.Rule(
          number: 7 + UInt64(number), mode: number % 2 == 0 ? .hard : .soft, moment: at(9), subject: subject))
    }
    #expect(try #require(InvalidationLedger(Bytes(ledger.text))) == ledger)
    #expect(ledger.rules.count == 4)
  }

  @Test(arguments: [
    "", " ", "x", "-1", "1 ", "1 2", "1 2@", "1 0@5", "1 3@1 2@1", "1 2@1 3@1 4@1 5@1 6@1", "99999999999999999999",
    "1\n", "1\nh", "1\nh 2 3 p 3:abc", "1\nh 2 3 p 99:1:a", "1\nh 2 3 q 3:1:a", "1\nh 0 3 p 3:1:a", "1\nx 2 3 p 3:1:a",
    "1\nh 2 3 t 0:", "1\nh 2 3 p -1:", "1\nh 2 3 p 3:9:a",
  ])
  func `anything else is refused`(text: String) {
    #expect(InvalidationLedger(Bytes(text)) == nil)
  }

  @Test func `a damaged ledger is never read past its end`() {
    var ledger = InvalidationLedger(hard: 5)
    ledger.add(
      InvalidationLedger.Rule(number: 7, mode: .hard, moment: at(9), subject: .allTags(["abc", "defghijkl"])))
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
    for number: UInt64 in 2...100 {
      ledger.add(
        InvalidationLedger.Rule(number: number, mode: .soft, moment: at(1), subject: .pathPrefix("/\(number)")))
    }
    #expect(ledger.rules.count == InvalidationLedger.limit)
    let key = CacheKey(scheme: "http", authority: "a", target: "/other")
    #expect(ledger.verdict(key: key, tags: [], since: 50) == .void)
    #expect(ledger.verdict(key: key, tags: [], since: 90) == .valid)
    #expect(ledger.text.utf8.count <= InvalidationLedger.byteLimit)
  }
}
