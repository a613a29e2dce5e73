//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

#if canImport(Glibc)
  import Glibc
#endif

/// How an entry keeps what it is made of.
@Suite struct CacheEntryTests {
  private static let moment = CacheInstant(nanoseconds: 5)
  private static let times = EntryTimes(
    birth: moment, receivedAt: moment, freshUntil: moment, staleWhileRevalidateUntil: moment,
    staleIfErrorUntil: moment, reclaimAt: moment)

  // Made once: what an entry with a head of its own frees in the making, the allocator may use for the next.
  private static let fields = HeaderFields([("A", "1")]).compact

  private static func entry(
    _ key: CacheKey = EntrySample.key(1), body: Bytes = "hello", trailers: HeaderFields? = nil,
    times: EntryTimes = times,
    tags: CacheTags? = nil
  ) -> CacheEntry {
    CacheEntry(
      key: key, status: 203, fields: fields, body: body, trailers: trailers, times: times, traits: [.immutable],
      cost: .milliseconds(7), tags: tags)
  }

  @Test(arguments: [
    CacheKey(scheme: "http", authority: "a.example", target: "/1"),
    CacheKey(scheme: "https", authority: "a.example", target: "/1"),
    CacheKey(scheme: "ftp", authority: "a.example", target: "/1"), CacheKey(custom: "/1"),
    CacheKey(scheme: "https", authority: "a.example", target: "/1").variant("en"),
    CacheKey(scheme: "ftp", authority: "a.example", target: "/1").variant(""),
  ])
  func `the key comes back, and no other`(key: CacheKey) {
    let entry = Self.entry(key)
    #expect(entry.key == key)
    #expect(entry.key.text == key.text)
    #expect(entry.isStored(under: key))
    #expect(entry.isStored(underKeyOf: Self.entry(key)))
    for other in [
      key.variant("de"), CacheKey(custom: "/2"), CacheKey(scheme: "x", authority: "a.example", target: "/1"),
    ] {
      #expect(!entry.isStored(under: other))
      #expect(!Self.entry(other).isStored(under: key))
      #expect(!entry.isStored(underKeyOf: Self.entry(other)))
    }
  }

  @Test func `what few entries have is kept`() throws {
    let tags = try #require(CacheTags(["one", "two"]))
    let entry = Self.entry(trailers: ["T": "2"], tags: tags)
    let copy = entry.with(times: Self.times.stale(since: .distantPast))
    for entry in [entry, copy] {
      #expect(entry.status == 203)
      #expect(entry.fields == ["A": "1"])
      #expect(entry.body == "hello")
      #expect(entry.trailers == ["T": "2"])
      #expect(entry.tags?.names == tags.names)
      #expect(entry.cost == .milliseconds(7))
      #expect(entry.traits == .immutable)
    }
    #expect(Self.entry().trailers == nil)
    #expect(Self.entry().tags == nil)
    #expect(Self.entry(tags: tags).weight > Self.entry().weight + tags.byteCount)
  }

  @Test(arguments: [(1 << 29) - 2, (1 << 29) - 1, 1 << 33])
  func `a body may be longer than usual`(count: Int) {
    let entry = Self.entry(body: LifeCounter().body(count: count))
    #expect(entry.body.count == count)
    #expect(entry.with(times: Self.times).body.count == count)
  }

  @Test func `marks are made when they are needed`() async {
    let entry = Self.entry()
    #expect(!entry.hasOptionalParts)
    #expect(!entry.refreshGate.isClaimed && !entry.refreshGate.isResting(at: Self.moment))
    #expect(entry.refreshGate.restsUntil == nil && entry.tierMark == nil)
    let claims = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { entry.refreshGate.claim(at: Self.moment) } }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(claims == 1)
    #expect(entry.refreshGate.isClaimed)
    entry.setTierMark(TierMark.word(doubts: 3, at: Self.moment))
    #expect(entry.with(times: Self.times).tierMark?.isUndoubted(after: 3) == true)
    #expect(!entry.with(times: Self.times).refreshGate.isClaimed)
  }

  #if canImport(Glibc)
    @Test func `the allocator agrees about what the objects take`() throws {
      // Glibc's module leaves <malloc.h> out.
      typealias UsableSize = @convention(c) (UnsafeMutableRawPointer?) -> Int
      let symbol = try #require(dlsym(nil, "malloc_usable_size"))
      let usableSize = unsafeBitCast(symbol, to: UsableSize.self)
      func size(of object: AnyObject) -> Int {
        // What may be used, and the allocator's word.
        usableSize(Unmanaged.passUnretained(object).toOpaque()) + MemoryLayout<Int>.size
      }
      var times = Self.times
      times.birth = CacheInstant(nanoseconds: 6)
      // The smallest of some: where what would be left of a block is too little for anybody, the allocator gives it away.
      func isCounted(_ size: Int?, _ counted: Int) -> Bool { size == counted || size == counted + 16 }
      let entries = (0..<32).map { _ in Self.entry(times: times) }
      let optionalParts = try entries.map { try #require($0.optionalParts) }
      let exact = try optionalParts.map { try #require($0.exact) }
      #expect(isCounted(entries.map { size(of: $0) }.min(), CacheEntry.allocationSize))
      #expect(isCounted(optionalParts.map { size(of: $0) }.min(), OptionalEntryParts.allocationSize))
      #expect(isCounted(exact.map { size(of: $0) }.min(), ExactEntryValues.allocationSize))
      #expect(
        entries[0].objectByteCount
          == CacheEntry.allocationSize + OptionalEntryParts.allocationSize + ExactEntryValues.allocationSize)
    }
  #endif
}
