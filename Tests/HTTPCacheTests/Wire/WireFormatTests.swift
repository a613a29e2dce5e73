//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite("The wire format")
struct WireFormatTests {
  @Test("gives back what was written")
  func roundTrip() throws {
    var generator = SplitMix64(seed: 3)
    for _ in 0..<600 {
      let entry = WireSamples.random(&generator)
      let stamp = generator.next()
      let bytes = WireSamples.encode(entry, stamp: stamp)
      let decoded = try WireSamples.decode(bytes, for: entry.key)
      #expect(decoded.stamp == stamp)
      Self.expectSame(decoded.entry, entry)
      // Milliseconds are what is written: the second time nothing is lost.
      #expect(WireSamples.encode(decoded.entry, stamp: stamp) == bytes)
    }
  }

  private static func expectSame(_ decoded: CacheEntry, _ entry: CacheEntry) {
    #expect(decoded.key == entry.key && decoded.status == entry.status && decoded.body == entry.body)
    #expect(decoded.traits == entry.traits && decoded.cost == entry.cost)
    #expect(decoded.tags?.names == entry.tags?.names)
    #expect(decoded.variantIndex?.nonce == entry.variantIndex?.nonce)
    #expect(decoded.variantIndex?.selections == entry.variantIndex?.selections)
    #expect((decoded.trailers == nil) == (entry.trailers == nil))
    for (new, old) in [(decoded.fields, entry.fields), (decoded.trailers ?? [:], entry.trailers ?? [:])] {
      #expect(new.withSerializedBytes { Bytes(copying: $0) } == old.withSerializedBytes { Bytes(copying: $0) })
      #expect(new == old && new.presence == old.presence)
      #expect(new.indices.allSatisfy { new.known(at: $0) == old.known(at: $0) })
    }
    for (new, old) in zip(decoded.times.all, entry.times.all) {
      #expect(new <= old && old.nanoseconds.subtractingSaturated(new.nanoseconds) < 1_000_000)
    }
  }

  @Test("of fields that were read can be added to, and looked up in")
  func readFieldsAreFields() throws {
    let entry = CacheEntry(
      key: WireSamples.keys[0], status: 200, fields: ["etag": "\"a\"", "X-A": "b"], body: "x", times: Self.times)
    var fields = try WireSamples.decode(WireSamples.encode(entry), for: entry.key).entry.fields
    fields.append("Vary", "Cookie")
    fields["X-A"] = "c"
    #expect(fields == ["ETag": "\"a\"", "X-A": "c", "Vary": "Cookie"])
    #expect(fields["X-B"] == nil && fields[.etag] == "\"a\"" && !fields.contains("Date"))
  }

  @Test("shares the memory of the body with the bytes that were read")
  func bodyIsNotCopied() throws {
    let entry = CacheEntry(
      key: WireSamples.keys[0], status: 200, fields: [:], body: Bytes([UInt8](repeating: 7, count: 100_000)),
      times: Self.times)
    let bytes = WireSamples.encode(entry)
    let body = try WireSamples.decode(bytes, for: entry.key).entry.body
    let distance = bytes.withUnsafeBytes { whole in body.withUnsafeBytes { $0.baseAddress! - whole.baseAddress! } }
    #expect(body.count == 100_000 && distance == bytes.count - 100_000)
  }

  @Test("can be sent as a head and the body as it is")
  func headAndBody() {
    var generator = SplitMix64(seed: 4)
    for _ in 0..<200 {
      let entry = WireSamples.random(&generator)
      let head = WireFormat.encodeHead(entry, stamp: 9, now: WireSamples.now, unixNow: WireSamples.unixNow)
      #expect(Bytes(joining: [head, entry.body]) == WireSamples.encode(entry))
    }
  }

  @Test("is read for the key that it was written for, and for no other")
  func keys() {
    for written in WireSamples.keys {
      let bytes = WireSamples.encode(
        CacheEntry(key: written, status: 200, fields: [:], body: "x", times: Self.times))
      for asked in WireSamples.keys {
        let result = Result { () throws(WireFormatError) in try WireSamples.decode(bytes, for: asked) }
        switch result {
        case .success: #expect(asked == written)
        case .failure(let error): #expect(asked != written && error == .otherKey)
        }
      }
    }
  }

  @Test("of another version is told apart from damage")
  func versions() {
    let entry = CacheEntry(key: WireSamples.keys[0], status: 200, fields: [:], body: "x", times: Self.times)
    var bytes = Array(WireSamples.encode(entry))
    for version: UInt8 in [0, 2, 255] {
      bytes[WireHeader.Offset.version] = version
      let error = #expect(throws: WireFormatError.self) { try WireSamples.decode(Bytes(bytes), for: entry.key) }
      #expect(error == .unsupported(version: version))
      #expect(error?.description.contains("\(version)") == true)
    }
  }

  private static let times = EntryTimes(
    birth: WireSamples.now, receivedAt: WireSamples.now, freshUntil: WireSamples.now,
    staleWhileRevalidateUntil: WireSamples.now, staleIfErrorUntil: WireSamples.now, reclaimAt: .distantFuture)
}

extension WireFormatTests {
  @Suite("Moments on the wire")
  struct Times {
    private static let entry = CacheEntry(
      key: CacheKey(custom: "k"), status: 200, fields: [:], body: "x",
      times: EntryTimes(
        birth: second(-100), receivedAt: second(-10), freshUntil: second(60), staleWhileRevalidateUntil: second(70),
        staleIfErrorUntil: .distantFuture, reclaimAt: second(1000)))

    private static func second(_ second: Int64) -> CacheInstant {
      WireSamples.now.advanced(by: .seconds(second))
    }

    private static func decode(_ bytes: Bytes, now: CacheInstant, unix seconds: Int64) throws -> EntryTimes {
      let unixNow = UnixTime(milliseconds: WireSamples.unixNow.milliseconds + seconds * 1000)
      return try WireFormat.decode(bytes, for: entry.key, now: now, unixNow: unixNow).entry.times
    }

    @Test("mean the same in another process, whose clock began elsewhere")
    func otherProcess() throws {
      let now = CacheInstant(nanoseconds: 42)
      let times = try Self.decode(WireSamples.encode(Self.entry), now: now, unix: 20)
      #expect(times.age(at: now) == 120)
      #expect(times.remainingFreshness(at: now) == 40)
      #expect(times.receivedAt == now.advanced(by: .seconds(-30)))
      #expect(times.staleIfErrorUntil == .distantFuture)
    }

    @Test("of a writer whose clock is ahead give no more time than it had")
    func writerIsAhead() throws {
      let now = CacheInstant(nanoseconds: 42)
      // To this reader, the response was received a second from now.
      let received = -10 as Int64
      let times = try Self.decode(WireSamples.encode(Self.entry), now: now, unix: received - 1)
      #expect(times.receivedAt == now)
      #expect(times.remainingFreshness(at: now) == 70)
      #expect(times.age(at: now) == 90)
      #expect(times.reclaimAt == now.advanced(by: .seconds(1010)))
    }

    @Test("of a writer whose clock is far ahead are those of no usable entry", arguments: [3, 60, 3600, 86_400])
    func writerIsFarAhead(seconds: Int64) throws {
      #expect(throws: WireFormatError.fromTheFuture) {
        try Self.decode(
          WireSamples.encode(Self.entry), now: CacheInstant(nanoseconds: 42), unix: -10 - seconds)
      }
    }

    @Test("are rounded so that nothing lasts longer")
    func rounding() throws {
      for offset: Int64 in [-1_000_001, -1_000_000, -999_999, -1, 0, 1, 999_999, 1_000_000] {
        let until = CacheInstant(nanoseconds: WireSamples.now.nanoseconds + offset)
        var times = Self.entry.times
        times.freshUntil = until
        let read = try Self.decode(WireSamples.encode(Self.entry.with(times: times)), now: WireSamples.now, unix: 0)
        #expect(read.freshUntil <= until)
        #expect(until.nanoseconds - read.freshUntil.nanoseconds < 1_000_000)
      }
    }

    @Test("that no clock shows stop at the ends", arguments: [Int64.min, .min + 1, -1, 0, .max - 1, .max])
    func extremes(extreme: Int64) throws {
      for other in [Int64.min, -1, 0, 1, .max] {
        let now = CacheInstant(nanoseconds: extreme)
        let unixNow = UnixTime(milliseconds: other)
        let moments = [Int64.min, .min + 1, 0, .max - 1, .max].map { CacheInstant(nanoseconds: $0) }
        let times = EntryTimes(
          birth: moments[0], receivedAt: moments[1], freshUntil: moments[2], staleWhileRevalidateUntil: moments[3],
          staleIfErrorUntil: moments[4], reclaimAt: moments[4])
        let bytes = WireFormat.encode(Self.entry.with(times: times), stamp: 0, now: now, unixNow: unixNow)
        for reader in [Int64.min, 0, .max] {
          do throws(WireFormatError) {
            let read = try WireFormat.decode(
              bytes, for: Self.entry.key, now: CacheInstant(nanoseconds: reader),
              unixNow: UnixTime(milliseconds: reader)
            ).entry.times
            #expect(read.birth == .distantPast && read.reclaimAt == .distantFuture)
          } catch {
            #expect(error == .fromTheFuture)
          }
        }
      }
    }
  }
}
