//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

@testable import HTTPCacheRedis

/// Answers that no server of this library's would give.
@Suite struct NonsenseTests {
  /// Parses `wire` as the connection does, and takes in what comes of it.
  private static func take(_ wire: [UInt8], _ follower: inout LogFollower) throws {
    let reader = ReplyReader()
    var replies: [RedisReply] = []
    do {
      try wire.withUnsafeBytes { try reader.feed($0, into: &replies) }
    } catch {
      #expect((error as? RedisError)?.code == .protocolViolation)
    }
    for reply in replies {
      let page: LogPage
      do throws(RedisError) { page = try LogPage(reply) } catch { continue }
      if let position = follower.position {
        _ = LogPage.isOnly(position.record, reply)
        _ = follower.take(page, from: position, limit: 512) { _ in .distantPast }
      }
      var reading = LogReading(known: follower.mirror?.last, recordLimit: 16)
      if case .records(let records) = page { reading.take(records) { _ in .distantPast } }
      follower.adopt(reading, at: .distantPast)
      let key = CacheKey(scheme: "http", authority: "e", target: "/")
      for stamp in [0, 1, follower.lowerBound.number, .max] {
        _ = follower.verdict(key: key, tags: CacheTags(["t"]), log: follower.mirror?.log, since: stamp)
        _ = follower.isEvidence(
          log: follower.mirror?.log ?? 0, stamp: stamp, unixNow: UnixTime(milliseconds: stamp == 0 ? .min : .max))
      }
    }
  }

  @Test func `are refused, or taken for everything, and end nothing`() throws {
    var generator = SplitMix64(seed: 1)
    let targets: [CacheInvalidation.Target] = [
      .key(CacheKey(custom: "k")), .anyTag(["a", "b"]), .allTags((0..<20).map { "\($0)" }), .pathPrefix("/p"),
      .everything,
    ]
    var seeds: [[UInt8]] = []
    for target in targets {
      var records: [UInt8] = []
      let payloads = ["1oh" as Bytes] + (try InvalidationRecord.payloads(of: CacheInvalidation(target)))
      for (index, payload) in payloads.enumerated() {
        let value = "identity\0\0\0\0\0\0\0".utf8 + [UInt8(index + 1)] + payload
        let id = "17592186044\(400 + index)-\(index)"
        records += "*2\r\n$\(id.utf8.count)\r\n\(id)\r\n*2\r\n$1\r\nr\r\n$\(value.count)\r\n".utf8 + value + "\r\n".utf8
      }
      seeds.append("*\(payloads.count)\r\n".utf8 + records)
    }
    var follower = LogFollower(recordLimit: 16)
    for round in 0..<20_000 {
      let wire = Nonsense.mutated(seeds[round % seeds.count], &generator)
      try Self.take(wire, &follower)
      if round % 500 == 0 { follower = LogFollower(recordLimit: 16) }
    }
  }

  @Test func `messages of the backplane are ignored, or doubts`() {
    var generator = SplitMix64(seed: 2)
    let key = CacheKey(scheme: "http", authority: "e", target: "/")
    let contents: [BackplaneMessage.Content] =
      [.heartbeat, .doubt, .superseded(key)]
      + [CacheInvalidation.Target.key(key), .anyTag(["a", "b"]), .allTags(["a"]), .pathPrefix("/p"), .everything].map {
        .invalidation(CacheInvalidation($0))
      }
    var detector = GapDetector(own: 1)
    var count = 0
    for round in 0..<40_000 {
      let sequence = [0, 1, UInt64(round), .max - 1, .max][Int.random(in: 0..<5, using: &generator)]
      let message = BackplaneMessage(
        publisher: UInt64(round % 7), sequence: sequence, content: contents[round % contents.count])
      let wire = Nonsense.mutated(Array(message.encoded()), &generator)
      guard let read = BackplaneMessage(encoded: Bytes(wire)) else { continue }
      count += 1
      _ = detector.receive(.message(read))
      if round % 100 == 0 { _ = detector.receive(.joined) }
    }
    #expect(count > 1_000 && detector.publisherCount <= GapDetector.limit)
  }
}

/// Input that is nearly right.
enum Nonsense {
  private static let digits = Array("0123456789-*$:+\r\n".utf8)

  /// The bytes with up to three places changed, lengthened or cut.
  static func mutated(_ bytes: [UInt8], _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 0..<4, using: &generator) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
      case 1: bytes[place] = digits[Int.random(in: 0..<digits.count, using: &generator)]
      case 2: bytes.insert(digits[Int.random(in: 0..<digits.count, using: &generator)], at: place)
      default: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1..<20, using: &generator)))
      }
    }
    return bytes
  }
}
