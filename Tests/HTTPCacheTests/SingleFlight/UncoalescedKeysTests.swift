//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//
import Testing

@testable import HTTPCache

@Suite struct UncoalescedKeysTests {
  private let start = CacheInstant(nanoseconds: 1_000_000_000_000)

  private func digest(_ number: Int) -> KeyDigest { CacheKey(custom: "key \(number)").digest }

  @Test func `the same keys again and again, while time passes, take no more room`() {
    let keys = UncoalescedKeys(limit: 100)
    var now = start
    for round in 0..<1_000 {
      for number in 0..<20 {
        keys.remember(digest(number), as: .uncacheable, until: now.advanced(by: .seconds(120)), at: now)
      }
      // Some expire before they come again, some do not.
      now = now.advanced(by: .seconds(round % 3 == 0 ? 130 : 7))
      for number in 0..<10 { _ = keys.reason(for: digest(number), at: now) }
      #expect(keys.count <= 20)
      #expect(keys.capacity <= 128)
    }
  }

  @Test func `many keys, asked for steadily, are bounded in number and memory`() {
    let keys = UncoalescedKeys(limit: 100)
    var now = start
    for number in 0..<20_000 {
      let digest = digest(number % 150)
      if keys.reason(for: digest, at: now) == nil {
        keys.remember(digest, as: .needsValidation, until: now.advanced(by: .seconds(120)), at: now)
      }
      if number % 7 == 0 { keys.forget(self.digest(number % 13)) }
      now = now.advanced(by: .seconds(1))
      #expect(keys.count <= 100)
      #expect(keys.capacity <= 256)
    }
  }

  @Test func `the keys that were remembered longest ago are forgotten first, expired ones before`() {
    let keys = UncoalescedKeys(limit: 3)
    for number in 0..<3 { keys.remember(digest(number), as: .uncacheable, until: .distantFuture, at: start) }
    keys.remember(digest(0), as: .needsValidation, until: .distantFuture, at: start)
    keys.remember(digest(3), as: .uncacheable, until: start.advanced(by: .seconds(1)), at: start)
    #expect(keys.reason(for: digest(0), at: start) == .needsValidation)
    #expect(keys.reason(for: digest(1), at: start) == nil)
    #expect(keys.reason(for: digest(3), at: start) == .uncacheable)
    #expect(keys.reason(for: digest(3), at: start.advanced(by: .seconds(1))) == nil)
    #expect(keys.count == 2)
    keys.removeAll()
    #expect(keys.count == 0)
  }

  @Test func `leases that are never given back are forgotten once they have ended`() {
    let tokens = LeaseTokens()
    var now = start
    for _ in 0..<50_000 {
      _ = tokens.make(until: now.advanced(by: .seconds(5)), at: now)
      now = now.advanced(by: .milliseconds(10))
      #expect(tokens.count <= 1_024)
    }
    // More than that may be held at a time, and none of them is an orphan.
    let held = (0..<5_000).map { _ in tokens.make(until: now.advanced(by: .seconds(5)), at: now) }
    for token in held { #expect(!tokens.isOrphan(token, at: now)) }
    #expect(tokens.count <= 2 * 5_501)
    for token in held { tokens.end(token) }
    #expect(tokens.count <= 1_024)
  }
}
