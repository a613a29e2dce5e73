//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import ExampleSupport

/// The rates that clients have to keep, on a clock that stands still.
@Suite struct MinimumRateTests {
  static let second: Int64 = 1_000_000_000

  /// Reads `rate` octets a second for `seconds`, looked at as the server does.
  private func isServed(_ rate: Int, seconds: Int, timeout: Int64 = 30, minimum: Int = 512, holds: Bool) -> Bool {
    var pace = ReaderPace(timeout: timeout * Self.second, minimumRate: minimum)
    var unacknowledged = 4 << 20
    let first = pace.block(at: 0, unacknowledged: unacknowledged)
    let second = pace.block(at: 0, unacknowledged: 0)
    #expect(first && !second)
    var now: Int64 = 0
    var taken = 0
    while now < Int64(seconds) * Self.second {
      now += pace.interval
      let total = Int(Double(rate) * Double(now) / 1e9)
      unacknowledged -= total - taken
      taken = total
      if unacknowledged < 3 << 20 {
        // The socket says that it is writable again, and is filled.
        pace.write((4 << 20) - unacknowledged)
        unacknowledged = 4 << 20
      }
      guard pace.look(at: now, unacknowledged: unacknowledged, holdsOriginConnection: holds) else { return false }
    }
    return true
  }

  @Test(arguments: [1, 100, 511, 512, 600, 1_024, 16_384, 28_000, 64_000, 10_000_000])
  func `a reader is served on as long as it takes anything, and only with an origin connection at a minimum rate`(
    _ rate: Int
  ) {
    #expect(isServed(rate, seconds: 3_600, holds: false))
    #expect(isServed(rate, seconds: 3_600, minimum: 0, holds: true))
    #expect(isServed(rate, seconds: 3_600, holds: true) == (rate >= 512))
    // Not before a minute has passed.
    #expect(isServed(rate, seconds: 50, holds: true))
  }

  @Test(arguments: [1, 10, 30, 120] as [Int64])
  func `a reader that takes nothing is cut off after the timeout`(_ timeout: Int64) {
    #expect(!isServed(0, seconds: Int(timeout) * 2, timeout: timeout, holds: false))
    #expect(isServed(0, seconds: Int(timeout) * 2 / 3, timeout: timeout, holds: false))
  }

  @Test func `a reader that has caught up is measured anew`() {
    var pace = ReaderPace(timeout: 30 * Self.second, minimumRate: 512)
    for round in 0..<10 as Range<Int64> {
      let start = round * 40 * Self.second
      let isFirst = pace.block(at: start, unacknowledged: 1_000)
      let isServed = pace.look(at: start + 20 * Self.second, unacknowledged: 1_000, holdsOriginConnection: true)
      pace.unblock()
      let isServedLater = pace.look(at: start + 39 * Self.second, unacknowledged: 1_000, holdsOriginConnection: true)
      #expect(isFirst && isServed && isServedLater)
    }
  }

  static let rates: [(length: Int?, rate: Int)] = [
    (nil, 512), (1, 512), (300_000, 512), (600_000, 1_000), (1_000_000, 1_666), (6_000_000, 10_000),
    (10_000_000, 16_384), (1 << 30, 16_384), (.max, 16_384),
  ]

  @Test(arguments: rates)
  func `the more is announced, the faster it has to come, within reason`(_ example: (length: Int?, rate: Int)) {
    #expect(ContentRate().required(for: example.length) == example.rate)
  }

  @Test func `a rate is never zero`() {
    var rate = ContentRate()
    rate.minimum = 0
    rate.sufficient = 0
    #expect(rate.required(for: nil) == 1)
    rate.maximumTime = .zero
    #expect(rate.required(for: 1 << 30) == 1)
  }

  /// Sends `rate` octets a second of announced content; returns after how many seconds the client is cut off.
  private func patience(_ announced: Int, rate: Int, limit: Int64 = 700) -> Int64? {
    var content = IncomingContent()
    let head = RequestHead(
      method: .post, target: "/", authority: "h", version: .one, fields: [:], framing: .length(announced),
      keepsAlive: true, expectsContinue: false, acceptsTrailers: false)
    content.begin(head, at: 0, budget: 30 * Self.second, rate: ContentRate())
    for now in 1...limit {
      let deadline = content.beginWaiting(at: (now - 1) * Self.second)
      if deadline < now * Self.second { return now }
      _ = content.append(Bytes(String(repeating: "x", count: rate)), at: now * Self.second)
      while content.pop() != nil {}
    }
    return nil
  }

  @Test(arguments: [(1, 31), (260, 36), (1_000, 74), (1_700, nil), (16_384, nil)] as [(Int, Int64?)])
  func `a megabyte that trickles is cut off, whatever the trickle`(_ rate: Int, _ seconds: Int64?) {
    #expect(patience(1_000_000, rate: rate) == seconds)
  }

  @Test func `a connection is reclaimed only if its client took a second and more than half of the time`() {
    var holdUp = HoldUp(at: 0)
    #expect(!holdUp.isMostlyTheClients(at: 10 * Self.second))
    holdUp.begin(at: 10 * Self.second)
    holdUp.begin(at: 15 * Self.second)
    #expect(holdUp.time(at: 16 * Self.second) == 6 * Self.second)
    #expect(!holdUp.isMostlyTheClients(at: 20 * Self.second))
    #expect(holdUp.isMostlyTheClients(at: 21 * Self.second))
    holdUp.end(at: 21 * Self.second)
    holdUp.end(at: 30 * Self.second)
    #expect(holdUp.time(at: 30 * Self.second) == 11 * Self.second)
    #expect(!holdUp.isMostlyTheClients(at: 30 * Self.second))
  }

  @Test func `a client that keeps up loses nothing`() {
    var holdUp = HoldUp(at: 0)
    for step in 0..<1_000 as Range<Int64> {
      holdUp.begin(at: step * 1_000_000)
      holdUp.end(at: step * 1_000_000 + 900_000)
    }
    // 90 % of the time, but not a second yet; and then of a longer time.
    #expect(!holdUp.isMostlyTheClients(at: Self.second))
    #expect(!holdUp.isMostlyTheClients(at: 2 * Self.second))
  }

  static let addresses: [(String, String, isSame: Bool)] = [
    ("127.0.0.1", "127.0.0.1", true),
    ("127.0.0.1", "127.0.0.2", false),
    ("10.0.0.1", "::ffff:10.0.0.1", true),
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
    ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
    ("fe80::1%eth0", "fe80::2%eth1", true),
    ("::1", "::2", true),
    ("::1", "0.0.0.1", false),
    ("unknown", "unix", true),
    ("unknown", "255.255.255.255", false),
  ]

  @Test(arguments: addresses)
  func `a client is an IPv4 address or an IPv6 network`(_ example: (String, String, isSame: Bool)) {
    #expect((ClientAddress(example.0) == ClientAddress(example.1)) == example.isSame)
    #expect(ClientAddress(example.0) != .none)
  }
}
