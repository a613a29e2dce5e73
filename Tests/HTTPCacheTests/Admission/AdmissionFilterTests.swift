//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct AdmissionFilterTests {
  private let now = CacheInstant(nanoseconds: 1_000_000_000_000)
  private func key(_ number: Int) -> CacheKey { CacheKey(custom: "key \(number)") }

  @Test func `below the limit all are stored; beyond it, what is asked for twice`() {
    let filter = AdmissionFilter(AdmissionPolicy(newKeyLimit: 3, interval: .seconds(10)))
    for number in 0..<3 { #expect(filter.refusal(of: key(number), primary: key(number), at: now) == nil) }
    for number in 3..<10 { #expect(filter.refusal(of: key(number), primary: key(number), at: now) == .probation) }
    for number in 3..<10 { #expect(filter.refusal(of: key(number), primary: key(number), at: now) == nil) }
  }

  @Test func `a new interval brings a new allowance, and remembers the last`() {
    let filter = AdmissionFilter(AdmissionPolicy(newKeyLimit: 1, interval: .seconds(10)))
    #expect(filter.refusal(of: key(0), primary: key(0), at: now) == nil)
    #expect(filter.refusal(of: key(1), primary: key(1), at: now) == .probation)
    let next = now.advanced(by: .seconds(10))
    #expect(filter.refusal(of: key(2), primary: key(2), at: next) == nil)
    #expect(filter.refusal(of: key(1), primary: key(1), at: next) == nil)
    #expect(filter.refusal(of: key(3), primary: key(3), at: next) == .probation)
    let later = next.advanced(by: .seconds(30)).advanced(by: .seconds(10))
    _ = filter.refusal(of: key(4), primary: key(4), at: later)
    _ = filter.refusal(of: key(5), primary: key(5), at: later.advanced(by: .seconds(10)))
    #expect(filter.refusal(of: key(3), primary: key(3), at: later.advanced(by: .seconds(10))) == .probation)
  }

  @Test func `variants of one resource are limited, and not those of another`() {
    let filter = AdmissionFilter(AdmissionPolicy(newKeyLimit: 1_000, interval: .seconds(10), variantLimit: 2))
    func refusal(_ resource: Int, _ variant: Int, at moment: CacheInstant) -> StoreRefusal? {
      filter.refusal(of: key(resource).variant("v\(variant)"), primary: key(resource), at: moment)
    }
    #expect(refusal(1, 1, at: now) == nil)
    #expect(refusal(1, 2, at: now) == nil)
    #expect(refusal(1, 3, at: now) == .variantLimit)
    #expect(refusal(1, 2, at: now) == nil)
    #expect(refusal(2, 3, at: now) == nil)
    #expect(refusal(1, 3, at: now.advanced(by: .seconds(10))) == nil)
  }

  @Test func `keys that share a place do not push each other out`() {
    var table = ProbationTable(expectedCount: 1)
    func isRepeated(_ number: UInt64) -> Bool { table.isRepeated(KeyDigest(high: number << 16, low: 5 << 20)) }
    for number in 1...4 as ClosedRange<UInt64> { #expect(!isRepeated(number)) }
    for number in 1...4 as ClosedRange<UInt64> { #expect(isRepeated(number)) }
    // A fifth takes the place of the oldest.
    #expect(!isRepeated(5))
    for number in 2...5 as ClosedRange<UInt64> { #expect(isRepeated(number)) }
    #expect(!isRepeated(1))
    table.nextGeneration()
    #expect(isRepeated(1))
    table.nextGeneration()
    table.nextGeneration()
    #expect(!isRepeated(1))
  }

  @Test func `a flood of a million made-up keys gets in only what the allowance lets in`() {
    let filter = AdmissionFilter(AdmissionPolicy(newKeyLimit: 100, interval: .seconds(10)))
    var stored = 0
    for number in 0..<1_000_000 where filter.refusal(of: key(number), primary: key(number), at: now) == nil {
      stored += 1
    }
    // The fingerprints of a few are alike.
    #expect(stored < 150)
  }
}
