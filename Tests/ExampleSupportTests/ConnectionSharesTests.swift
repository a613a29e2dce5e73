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
      #expect(shares.remove(round))
      #expect(!shares.remove(round))
    }
    #expect(shares.waitingCount == 0 && shares.share == 1)
    shares.giveBack("x", hasContent: false)
    #expect(shares.takeNext() == nil)
    #expect(shares.take("y", hasContent: false))
  }

  @Test func `a waiting exchange uses the share of whichever of its clients is first to have its turn`() {
    let shares = Shares<String>(limit: 2, reserve: 0)
    #expect(shares.take("a", hasContent: false))
    #expect(shares.take("a", hasContent: false))
    for id in 0..<50 { shares.wait(id, "a", hasContent: false) }
    shares.follow(49, by: "b")
    shares.follow(48, by: "a")
    shares.giveBack("a", hasContent: false)
    let next = shares.takeNext()
    #expect(next?.id == 49 && next?.client == "b")
    #expect(shares.waitingCount == 49)
    // It waits in no queue any more.
    shares.giveBack("a", hasContent: false)
    #expect(shares.takeNext()?.id == 0)
  }

  @Test func `a followed exchange stays behind the requests that its follower has sent before`() {
    let shares = Shares<String>(limit: 1, reserve: 0)
    #expect(shares.take("x", hasContent: false))
    for id in 0..<5 { shares.wait(id, "a", hasContent: false) }
    for id in 10..<12 { shares.wait(id, "b", hasContent: false) }
    shares.follow(4, by: "b")
    shares.wait(12, "b", hasContent: false)
    for id in 0..<4 { #expect(shares.remove(id)) }
    // Its owner would have to wait for its turn.
    shares.wait(20, "a", hasContent: false)
    var order: [Int] = []
    var last = "x"
    while let next = {
      shares.giveBack(last, hasContent: false); return shares.takeNext()
    }() {
      last = next.client
      order.append(next.id)
    }
    #expect(order == [4, 10, 20, 11, 12])
  }

  @Test func `whoever follows no longer is charged no longer`() {
    let shares = Shares<String>(limit: 4, reserve: 0)
    for _ in 0..<4 { #expect(shares.take("a", hasContent: false)) }
    shares.wait(1, "a", hasContent: false)
    shares.wait(2, "a", hasContent: false)
    for id in 1...2 { shares.follow(id, by: "b") }
    shares.follow(1, by: "b")
    shares.unfollow(2, by: "b")
    shares.unfollow(2, by: "b")
    for _ in 0..<2 {
      shares.giveBack("a", hasContent: false)
      #expect(shares.takeNext() != nil)
    }
    #expect(shares.heldCount(of: "a") == 3 && shares.heldCount(of: "b") == 1)
    shares.unfollow(1, by: "b")
    #expect(shares.heldCount(of: "b") == 1)
    shares.unfollow(1, by: "b")
    #expect(shares.heldCount(of: "a") == 4 && shares.heldCount(of: "b") == 0)
    #expect(shares.share == 4)
  }

  @Test func `only who has more than the share may lose a connection, and only to who has less`() {
    let shares = Shares<String>(limit: 9, reserve: 0)
    for _ in 0..<8 { #expect(shares.take("a", hasContent: false)) }
    #expect(shares.take("b", hasContent: false))
    shares.wait(0, "b", hasContent: false)
    #expect(shares.holdersAboveShare(for: 0) == ["a": 8])
    shares.wait(1, "c", hasContent: false)
    #expect(shares.share == 3)
    #expect(shares.holdersAboveShare(for: 1) == ["a": 8])
    shares.wait(2, "a", hasContent: false)
    #expect(shares.holdersAboveShare(for: 2) == [:])
    // One for each that waits.
    shares.endOne(of: "a", for: 1)
    #expect(shares.holdersAboveShare(for: 1) == [:])
    // What is ended for another is in nobody's way.
    #expect(shares.holdersAboveShare(for: 0) == ["a": 7])
    shares.endOne(of: "a", for: 0)
    for id in 10..<20 { shares.wait(id, "c", hasContent: false) }
    #expect(shares.holdersAboveShare(for: 1) == ["a": 6])
    shares.endOne(of: "a", for: 1)
    shares.endOne(of: "a", for: 1)
    // Three are about to be given back: that is the share of "c".
    #expect(shares.holdersAboveShare(for: 1) == [:])
    // And nobody falls below its share.
    shares.endOne(of: "a", for: 0)
    #expect(shares.holdersAboveShare(for: 0) == [:])
  }

  @Test func `requests with content take connections only from such requests while there are others`() {
    let shares = Shares<String>(limit: 9, reserve: 3)
    for _ in 0..<2 { #expect(shares.take("a", hasContent: false)) }
    for _ in 0..<4 { #expect(shares.take("b", hasContent: true)) }
    for _ in 0..<2 { #expect(shares.take("c", hasContent: true)) }
    shares.wait(1, "d", hasContent: true)
    #expect(shares.holdersAboveShare(for: 1) == ["b": 4, "c": 2])
  }

  @Test func `clients with many leave the spare connections to those that come, each of which may have half`() {
    let shares = Shares<Int>(limit: 16, reserve: 4, spare: 4)
    for _ in 0..<12 { #expect(shares.take(0, hasContent: false)) }
    #expect(!shares.take(0, hasContent: false))
    for id in 0..<100 { shares.wait(id, 0, hasContent: false) }
    #expect(shares.takeNext() == nil)
    // Nobody who has few of them has to wait for the first.
    for client in 1...2 {
      for _ in 0..<2 { #expect(shares.take(client, hasContent: false)) }
      #expect(!shares.take(client, hasContent: false))
    }
    #expect(!shares.take(3, hasContent: false))
    shares.giveBack(1, hasContent: false)
    #expect(shares.takeNext() == nil)
    #expect(shares.take(3, hasContent: false))
  }

  @Test(arguments: 2...7) func `several clients with many leave the spare connections, too`(attackers: Int) {
    let shares = Shares<Int>(limit: 64, reserve: 0, spare: 8)
    for number in 0..<640 { _ = shares.take(number % attackers, hasContent: false) }
    #expect(shares.heldCount == 56)
    for _ in 0..<4 { #expect(shares.take(10, hasContent: false)) }
    for _ in 0..<4 { #expect(shares.take(11, hasContent: false)) }
    #expect(shares.heldCount == 64)
  }

  @Test func `no exchange without content is ended for a request that waits for the share of those with content`() {
    let shares = Shares<Int>(limit: 128, reserve: 32, spare: 16)
    for number in 0..<400 { _ = shares.take(number % 9, hasContent: true) }
    while shares.heldWithContent < 96 { #expect(shares.take(9 + shares.heldCount, hasContent: true)) }
    // Enough for one to be above the share, and for the spare connections to be in use.
    for _ in 0..<24 { _ = shares.take(200, hasContent: false) }
    shares.wait(1, 0, hasContent: true)
    #expect(shares.holdersAboveShare(for: 1)[200] == nil)
  }

  @Test func `whoever waits gets each connection that is taken away for it, up to its share`() {
    let shares = Shares<Int>(limit: 32, reserve: 0, spare: 4)
    for _ in 0..<28 { #expect(shares.take(0, hasContent: false)) }
    for id in 0..<16 where !shares.take(1, hasContent: false) { shares.wait(id, 1, hasContent: false) }
    var endedCount = 0
    while let id = shares.waiting(of: 1), shares.holdersAboveShare(for: id) == [0: 28 - endedCount], endedCount < 28 {
      shares.endOne(of: 0, for: id)
      shares.giveBack(0, hasContent: false)
      endedCount += 1
      #expect(shares.takeNext() != nil)
    }
    #expect(shares.heldCount(of: 0) == 16 && shares.heldCount(of: 1) == 14 && endedCount == 12)
    // What is owed is had once: spare connections that are left stay so.
    #expect(!shares.take(1, hasContent: false) && shares.heldCount == 30)
  }

  @Test func `a client that is alone leaves spare connections for content, too`() {
    let shares = Shares<Int>(limit: 16, reserve: 8, spare: 4)
    for _ in 0..<6 { #expect(shares.take(0, hasContent: true)) }
    #expect(!shares.take(0, hasContent: true))
    for client in 1...2 {
      #expect(shares.take(client, hasContent: true))
      #expect(!shares.take(client, hasContent: true))
    }
    #expect(shares.take(0, hasContent: false))
  }

  @Test func `an exchange is charged to a follower with less than its share, once its client has more`() {
    let shares = Shares<String>(limit: 4, reserve: 0)
    for _ in 0..<4 { #expect(shares.take("a", hasContent: false)) }
    let id = shares.held(by: "a").min()!
    shares.follow(id, by: "b")
    shares.follow(id, by: "c")
    shares.chargeToThoseWithLess()
    // A client that is alone has no more than its share.
    #expect(shares.heldCount(of: "a") == 4)
    shares.wait(1, "d", hasContent: false)
    shares.chargeToThoseWithLess()
    #expect(shares.heldCount(of: "a") == 3 && shares.heldCount(of: "b") + shares.heldCount(of: "c") == 1)
    let holder = shares.heldCount(of: "b") == 1 ? "b" : "c"
    shares.giveBack(holder, hasContent: false)
    #expect(shares.heldCount(of: "b") + shares.heldCount(of: "c") == 0 && shares.heldCount == 3)
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
        let few = min(max(1, limit / clients), max(1, spare / 2))
        return held.count < limit && (held.count < limit - spare || clients > 1 && own < few)
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
        waiting[gone] = nil
        #expect(shares.remove(gone))
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

  /// Requests at random, some of which follow others' exchanges: no client is charged more than its own exchanges that hold a
  /// connection and one for each request that follows; nobody follows for nothing.
  @Test(arguments: 0..<50 as Range<UInt64>)
  func `nobody is charged for what it does not wait for`(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let limit = Int.random(in: 1...12, using: &random)
    let shares = Shares<Int>(
      limit: limit, reserve: Int.random(in: 0..<limit, using: &random), spare: Int.random(in: 0..<limit, using: &random)
    )
    struct Exchange {
      let owner: Int
      let hasContent: Bool
      var followers: [Int] = []
    }
    var exchanges: [Int: Exchange] = [:]
    func isHeld(_ id: Int) -> Bool { shares.holder(of: id) != nil }
    func grantAll() { while shares.takeNext() != nil {} }
    for id in 0..<600 {
      let client = min(Int.random(in: 0..<8, using: &random), Int.random(in: 0..<8, using: &random))
      switch Int.random(in: 0..<10, using: &random) {
      case 0...2:
        let followers = Bool.random(using: &random) ? [] : [(client + 1) % 8, (client + 1) % 8, (client + 3) % 8]
        let exchange = Exchange(owner: client, hasContent: Bool.random(using: &random), followers: followers)
        let counts = Dictionary(followers.map { ($0, 1) }, uniquingKeysWith: +)
        exchanges[id] = exchange
        if !shares.take(id, client, hasContent: exchange.hasContent, followers: counts) {
          shares.wait(id, client, hasContent: exchange.hasContent, followers: counts)
        }
      case 3, 4:
        guard let followed = exchanges.keys.sorted().randomElement(using: &random) else { continue }
        shares.follow(followed, by: client)
        if client != exchanges[followed]?.owner { exchanges[followed]?.followers.append(client) }
      case 5:
        guard let followed = exchanges.keys.sorted().randomElement(using: &random), var exchange = exchanges[followed],
          let position = exchange.followers.indices.randomElement(using: &random)
        else { continue }
        shares.unfollow(followed, by: exchange.followers.remove(at: position))
        exchanges[followed] = exchange
      case 6 where Bool.random(using: &random):
        guard let lost = exchanges.keys.sorted().randomElement(using: &random) else { continue }
        shares.loseFollowers(lost)
        exchanges[lost]?.followers = []
      case 6:
        let (share, before) = (shares.share, (0..<8).map { shares.heldCount(of: $0) })
        shares.chargeToThoseWithLess()
        for other in 0..<8 where shares.heldCount(of: other) > before[other] {
          #expect(shares.heldCount(of: other) <= share)
        }
      default:
        guard let over = exchanges.keys.sorted().randomElement(using: &random) else { continue }
        exchanges[over] = nil
        if isHeld(over) { shares.giveBack(over) } else { #expect(shares.remove(over)) }
      }
      grantAll()
      let holders = exchanges.keys.reduce(into: [:]) { $0[$1] = shares.holder(of: $1) }
      for client in 0..<8 {
        let own = holders.keys.count { exchanges[$0]?.owner == client }
        let followed = exchanges.values.count { $0.followers.contains(client) }
        #expect(shares.heldCount(of: client) <= own + followed)
        #expect(shares.heldCount(of: client) == holders.values.count { $0 == client })
      }
      for (id, holder) in holders {
        #expect(exchanges[id]?.owner == holder || exchanges[id]?.followers.contains(holder) == true)
      }
      #expect(shares.heldCount == holders.count && shares.heldCount <= limit)
      #expect(shares.waitingCount == exchanges.count - shares.heldCount)
    }
  }

  /// Time in steps. Each client's exchanges last as long as the origin's slowest response, or for ever: whoever comes with less
  /// than its share, or follows what another has asked for, has a connection within the time of one response, whatever the
  /// others have in line.
  @Test(arguments: 0..<30 as Range<UInt64>)
  func `nobody waits for a share longer than one response of the origin takes`(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let slowest = 8
    let limit = Int.random(in: 4...24, using: &random)
    let spare = Int.random(in: 0...(limit / 8), using: &random)
    let attackers = Int.random(in: 1...3, using: &random)
    let victim = 9
    let shares = Shares<Int>(limit: limit, reserve: 0, spare: spare)
    var ends: [Int: Int] = [:]
    var waitingSince: [Int: Int] = [:]
    var lastID = 0
    func ask(_ client: Int, at now: Int) -> Int {
      lastID += 1
      if shares.take(lastID, client, hasContent: false) {
        ends[lastID] = now + Int.random(in: 1...slowest, using: &random)
      } else {
        shares.wait(lastID, client, hasContent: false)
      }
      return lastID
    }
    for now in 0..<200 {
      for id in ends.filter({ $0.value <= now }).keys.sorted() {
        ends[id] = nil
        waitingSince[id] = nil
        shares.giveBack(id)
      }
      while let next = shares.takeNext() { ends[next.id] = now + Int.random(in: 1...slowest, using: &random) }
      for _ in 0..<Int.random(in: 0...limit, using: &random) where shares.waitingCount < 60 {
        let id = ask(Int.random(in: 0..<attackers, using: &random), at: now)
        // Attackers follow what anybody has asked for, too.
        if let other = shares.allWaiting.randomElement(using: &random) {
          shares.follow(other, by: Int.random(in: 0..<attackers, using: &random))
        }
        // The victim asks for what the attacker has asked for, and waits for its response.
        if waitingSince.isEmpty, Bool.random(using: &random), shares.holder(of: id) == nil {
          waitingSince[id] = now
          shares.follow(id, by: victim)
          while let next = shares.takeNext() { ends[next.id] = now + Int.random(in: 1...slowest, using: &random) }
        }
      }
      // Or for what is its own.
      if waitingSince.isEmpty, Bool.random(using: &random) {
        let id = ask(victim, at: now)
        waitingSince[id] = now
      }
      for (id, since) in waitingSince where shares.holder(of: id) == nil {
        #expect(now - since <= slowest, "exchange \(id) of limit \(limit), spare \(spare), \(attackers) attackers")
      }
    }
  }
}
