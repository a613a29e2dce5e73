//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import ExampleSupport

/// How an origin's connections are shared among clients.
@Suite struct ConnectionSharesTests {
  @Test func `a client that is alone may hold all connections`() {
    let shares = Shares<String>(limit: 8, reserve: 2)
    for _ in 0..<8 { #expect(shares.take("a", hasContent: false)) }
    #expect(!shares.take("a", hasContent: false))
    #expect(shares.heldCount(of: "a") == 8)
  }

  @Test func `requests with content leave some connections to those without`() {
    let shares = Shares<String>(limit: 8, reserve: 2)
    for _ in 0..<6 { #expect(shares.take("a", hasContent: true)) }
    #expect(!shares.take("b", hasContent: true))
    shares.wait(1, "b", hasContent: true)
    // One that must wait for the end of an upload is in nobody's way.
    #expect(shares.takeNext() == nil)
    #expect(shares.take("c", hasContent: false))
    #expect(shares.take("a", hasContent: false))
    #expect(!shares.take("c", hasContent: false))
    shares.giveBack("a", hasContent: true)
    #expect(shares.takeNext()?.id == 1)
  }

  @Test(arguments: 1...20)
  func `a connection that is given back goes to whoever holds the fewest`(_ attackers: Int) {
    let shares = Shares<Int>(limit: 4, reserve: 1)
    for _ in 0..<4 { #expect(shares.take(0, hasContent: false)) }
    for id in 0..<100 * attackers { shares.wait(id, 0, hasContent: false) }
    shares.wait(1_000_000, 1, hasContent: false)
    shares.giveBack(0, hasContent: false)
    #expect(shares.takeNext()?.client == 1)
    // It still holds fewer.
    shares.wait(1_000_001, 1, hasContent: false)
    shares.giveBack(0, hasContent: false)
    #expect(shares.takeNext()?.client == 1)
    shares.giveBack(1, hasContent: false)
    shares.giveBack(1, hasContent: false)
    #expect(shares.takeNext()?.client == 0)
  }

  @Test func `among clients with equally many, the one whose turn is longest ago is first`() {
    let shares = Shares<String>(limit: 1, reserve: 0)
    #expect(shares.take("x", hasContent: false))
    for (id, client) in ["a", "a", "b", "c"].enumerated() { shares.wait(id, client, hasContent: false) }
    var order: [String] = []
    var last = "x"
    while shares.waitingCount > 0 {
      shares.giveBack(last, hasContent: false)
      last = shares.takeNext()?.client ?? "none"
      order.append(last)
    }
    #expect(order == ["a", "b", "c", "a"])
  }

  @Test func `whoever stops waiting is forgotten`() {
    let shares = Shares<String>(limit: 1, reserve: 0)
    #expect(shares.take("x", hasContent: false))
    for round in 0..<10_000 {
      shares.wait(round, "a", hasContent: false)
      #expect(shares.remove(round, of: "a"))
      #expect(!shares.remove(round, of: "a"))
    }
    #expect(shares.waitingCount == 0 && shares.share == 1)
    shares.giveBack("x", hasContent: false)
    #expect(shares.takeNext() == nil)
    #expect(shares.take("y", hasContent: false))
  }

  @Test func `a waiting request may be counted for another client with fewer connections, in the order of arrival`() {
    let shares = Shares<String>(limit: 2, reserve: 0)
    #expect(shares.take("a", hasContent: false))
    #expect(shares.take("a", hasContent: false))
    for id in 0..<50 { shares.wait(id, "a", hasContent: false) }
    #expect(shares.pass(49, of: "a", to: "b"))
    #expect(!shares.pass(49, of: "a", to: "b"))
    #expect(!shares.pass(48, of: "a", to: "a"))
    shares.giveBack("a", hasContent: false)
    let next = shares.takeNext()
    #expect(next?.id == 49 && next?.client == "b")
    #expect(shares.waitingCount == 49)
  }

  @Test func `only who has more than the share may lose a connection, and only to who has less`() {
    let shares = Shares<String>(limit: 9, reserve: 0)
    for _ in 0..<8 { #expect(shares.take("a", hasContent: false)) }
    #expect(shares.take("b", hasContent: false))
    #expect(shares.holdersAboveShare(for: "b") == ["a": 8])
    shares.wait(1, "c", hasContent: false)
    #expect(shares.share == 3)
    #expect(shares.holdersAboveShare(for: "c") == ["a": 8])
    #expect(shares.holdersAboveShare(for: "a") == [:])
    // Three are about to be given back: that is the share of "c".
    #expect(shares.holdersAboveShare(for: "c", awaiting: 3) == [:])
  }

  @Test func `requests with content take connections only from such requests while there are others`() {
    let shares = Shares<String>(limit: 9, reserve: 3)
    for _ in 0..<2 { #expect(shares.take("a", hasContent: false)) }
    for _ in 0..<4 { #expect(shares.take("b", hasContent: true)) }
    for _ in 0..<2 { #expect(shares.take("c", hasContent: true)) }
    shares.wait(1, "d", hasContent: true)
    #expect(shares.holdersAboveShare(for: "d", hasContent: true) == ["b": 4, "c": 2])
  }

  @Test func `a client that is alone leaves the spare connections to one that comes`() {
    let shares = Shares<Int>(limit: 16, reserve: 4, spare: 4)
    for _ in 0..<12 { #expect(shares.take(0, hasContent: false)) }
    #expect(!shares.take(0, hasContent: false))
    for id in 0..<100 { shares.wait(id, 0, hasContent: false) }
    #expect(shares.takeNext() == nil)
    // Nobody has to wait for the first, who has less than a share of them.
    for _ in 0..<4 { #expect(shares.take(1, hasContent: false)) }
    #expect(!shares.take(1, hasContent: false) && !shares.take(2, hasContent: false))
    shares.giveBack(1, hasContent: false)
    #expect(shares.takeNext() == nil)
    #expect(shares.take(2, hasContent: false))
  }

  @Test func `whoever waits gets each connection that is taken away for it, up to its share`() {
    let shares = Shares<Int>(limit: 32, reserve: 0, spare: 4)
    for _ in 0..<28 { #expect(shares.take(0, hasContent: false)) }
    for id in 0..<16 where !shares.take(1, hasContent: false) { shares.wait(id, 1, hasContent: false) }
    var endedCount = 0
    while shares.holdersAboveShare(for: 1, hasContent: false) == [0: 28 - endedCount], endedCount < 28 {
      shares.giveBack(0, hasContent: false)
      endedCount += 1
      #expect(shares.takeNext() != nil)
    }
    #expect(shares.heldCount(of: 0) == 16 && shares.heldCount(of: 1) == 16 && endedCount == 12)
  }

  @Test func `a client that is alone leaves spare connections for content, too`() {
    let shares = Shares<Int>(limit: 16, reserve: 8, spare: 4)
    for _ in 0..<6 { #expect(shares.take(0, hasContent: true)) }
    #expect(!shares.take(0, hasContent: true))
    for _ in 0..<2 { #expect(shares.take(1, hasContent: true)) }
    #expect(!shares.take(1, hasContent: true))
    #expect(shares.take(0, hasContent: false))
  }

  @Test func `a connection that is counted for another client is that client's`() {
    let shares = Shares<String>(limit: 4, reserve: 1)
    for _ in 0..<4 { #expect(shares.take("a", hasContent: false)) }
    shares.transfer(from: "a", to: "b")
    #expect(shares.heldCount(of: "a") == 3 && shares.heldCount(of: "b") == 1 && shares.heldCount == 4)
    shares.giveBack("b", hasContent: false)
    #expect(shares.heldCount(of: "b") == 0)
  }

  /// Requests at random: no connection is idle while somebody may use it, none is given twice, and nobody is served who
  /// holds more than another that waits and may have it.
  @Test(arguments: 0..<50 as Range<UInt64>)
  func `nothing is left unused, and nobody is passed over`(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let limit = Int.random(in: 1...12, using: &random)
    let reserve = Int.random(in: 0...(limit - 1), using: &random)
    let spare = Int.random(in: 0...(limit - 1), using: &random)
    let spareForContent = spare * (limit - reserve) / limit
    let shares = Shares<Int>(limit: limit, reserve: reserve, spare: spare)
    var holders: [(client: Int, hasContent: Bool)] = []
    var waiting: [Int: (client: Int, hasContent: Bool)] = [:]
    func heldWithContent() -> Int { holders.filter(\.hasContent).count }
    func mayHold(_ request: (client: Int, hasContent: Bool)) -> Bool {
      let clients = Set(holders.map(\.client)).union(waiting.values.map(\.client)).union([request.client]).count
      func has(_ limit: Int, _ spare: Int, _ held: [(client: Int, hasContent: Bool)]) -> Bool {
        let own = held.count { $0.client == request.client }
        return held.count < limit && (held.count < limit - spare || clients > 1 && own < max(1, limit / clients))
      }
      return has(limit, spare, holders)
        && (!request.hasContent || has(limit - reserve, spareForContent, holders.filter(\.hasContent)))
    }
    for id in 0..<2_000 {
      let client = min(Int.random(in: 0..<8, using: &random), Int.random(in: 0..<8, using: &random))
      let hasContent = Bool.random(using: &random)
      var hasJustGiven = false
      switch Int.random(in: 0..<5, using: &random) {
      case 0, 1:
        if shares.take(client, hasContent: hasContent) {
          holders.append((client, hasContent))
        } else {
          shares.wait(id, client, hasContent: hasContent)
          waiting[id] = (client, hasContent)
        }
      case 2 where !waiting.isEmpty:
        let gone = waiting.keys.sorted().randomElement(using: &random)!
        #expect(shares.remove(gone, of: waiting.removeValue(forKey: gone)!.client))
      default:
        guard !holders.isEmpty else { continue }
        let done = holders.remove(at: Int.random(in: 0..<holders.count, using: &random))
        shares.giveBack(done.client, hasContent: done.hasContent)
        while let next = shares.takeNext() {
          let eligible = waiting.filter { mayHold($0.value) }
          func held(_ client: Int) -> Int { holders.count { $0.client == client } }
          #expect(eligible[next.id] != nil)
          #expect(eligible.allSatisfy { held($0.value.client) >= held(next.client) })
          waiting[next.id] = nil
          holders.append((next.client, next.hasContent))
        }
        hasJustGiven = true
      }
      #expect(
        holders.count == shares.heldCount && holders.count <= limit && heldWithContent() == shares.heldWithContent)
      #expect(heldWithContent() <= limit - reserve)
      if hasJustGiven { #expect(!waiting.values.contains(where: mayHold)) }
      #expect(shares.waitingCount == waiting.count)
    }
  }
}
