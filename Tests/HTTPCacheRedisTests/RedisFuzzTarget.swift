//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

// This file is also part of the fuzzer, which is compiled together with the library (scripts/fuzz.sh).
#if !FUZZING
  import ServerHarness

  @testable import HTTPCache
  @testable import HTTPCacheRedis
#endif

/// Replies of a Redis server, records and identifiers of its log, names of keys, and messages of the backplane, made of
/// anything.
enum RedisFuzzTarget: StoreFuzzTarget {
  static let name = "redis-bookkeeping"

  static func run(_ kind: UInt8?, _ rest: [UInt8]) {
    let rest = Bytes(rest)
    switch kind {
    case UInt8(ascii: "i"): identifier(rest)
    case UInt8(ascii: "r"): records(rest)
    case UInt8(ascii: "b"): messages(rest)
    case UInt8(ascii: "k"): keyName(rest)
    case UInt8(ascii: "e"): serverError(rest)
    default: replies(Array(rest))
    }
  }

  private static let key = CacheKey(scheme: "http", authority: "a", target: "/")
  private static let tags = CacheTags(["t"])

  private static func identifier(_ bytes: Bytes) {
    guard let id = StreamID(bytes) else { return }
    precondition(StreamID(Bytes(Array(id.text.utf8))) == id && id.number > 0 && id.milliseconds >= 0)
  }

  // MARK: Records

  /// A log of records of up to 64 bytes each, with consecutive numbers.
  private static func records(_ bytes: Bytes) {
    let values = stride(from: 0, to: bytes.count, by: 64).prefix(32).map {
      bytes.slice($0..<min($0 + 64, bytes.count))
    }
    let list = values.enumerated().map {
      InvalidationRecord(id: StreamID(number: UInt64($0.offset + 1) << 20), value: $0.element)
    }
    guard let first = list.first, var mirror = InvalidationMirror(first: first, recordLimit: 16) else { return }
    for record in list.dropFirst() {
      let before = mirror.last.id.number
      mirror.apply(record, moment: .distantPast)
      precondition(mirror.last == record && mirror.contains(record.id.number))
      var candidate = InvalidationCandidate(key: key, tags: ["t"])
      precondition(mirror.verdict(&candidate, since: record.id.number) == .valid)
      precondition(mirror.verdict(&candidate, since: record.id.number + 1) == .void, "no record has this number")
      // What is not one of this library's records may mean anything.
      if record.log == nil { precondition(mirror.verdict(&candidate, since: before) == .void) }
      precondition(mirror.markCount <= InvalidationMirror.limit)
    }
  }

  // MARK: Replies

  private static func parse(_ wire: [UInt8], pieces: Int) -> (replies: [RedisReply], isBroken: Bool) {
    let reader = ReplyReader()
    var replies: [RedisReply] = []
    var rest = wire[...]
    while !rest.isEmpty {
      let piece = Array(rest.prefix(pieces))
      rest = rest.dropFirst(pieces)
      do { try piece.withUnsafeBytes { try feed($0, to: reader, &replies) } } catch { return (replies, true) }
    }
    return (replies, false)
  }

  /// What a connection does with what it receives.
  private static func feed(
    _ memory: UnsafeRawBufferPointer, to reader: ReplyReader, _ replies: inout [RedisReply]
  ) throws(RedisError) {
    guard let large = reader.largeRemainder else { return try reader.feed(memory, into: &replies) }
    let count = min(large.count, memory.count)
    large.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory.prefix(count)))
    try reader.advanceLarge(count, into: &replies)
    if count < memory.count {
      try reader.feed(UnsafeRawBufferPointer(rebasing: memory.dropFirst(count)), into: &replies)
    }
  }

  private static func replies(_ wire: [UInt8]) {
    let whole = parse(wire, pieces: max(1, wire.count))
    for pieces in [1, 7] {
      let parts = parse(wire, pieces: pieces)
      precondition(zip(parts.replies, whole.replies).allSatisfy(==), "wherever it is cut")
      // hiredis does not look at the end of a string that comes in pieces; this library does where it has the whole.
      precondition(parts.isBroken || whole.isBroken || parts.replies.count == whole.replies.count)
    }
    var follower = LogFollower(recordLimit: 16)
    for reply in whole.replies { take(reply, &follower) }
  }

  /// A server that answers this when it is asked for the log.
  private static func take(_ reply: RedisReply, _ follower: inout LogFollower) {
    let page: LogPage
    do throws(RedisError) { page = try LogPage(reply) } catch { return }
    if let position = follower.position {
      let isOnly = LogPage.isOnly(position.record, reply)
      let step = follower.take(page, from: position, limit: 8) { _ in .distantPast }
      precondition(!isOnly || step == .complete)
    }
    guard case .records(let records) = page else { return }
    var reading = LogReading(known: follower.mirror?.last, recordLimit: 16)
    reading.take(records) { _ in .distantPast }
    follower.adopt(reading, at: .distantPast)
    let (log, now) = (follower.mirror?.log, UnixTime(milliseconds: .max))
    for stamp in [0, 1, follower.lowerBound.number, .max] {
      let verdict = follower.verdict(key: key, tags: tags, log: log, since: stamp)
      precondition(verdict == .void || follower.mirror?.contains(stamp) == true)
      for unixNow in [UnixTime(milliseconds: .min), now] {
        _ = follower.isEvidence(log: log ?? 0, stamp: stamp, unixNow: unixNow)
      }
    }
    precondition(follower.verdict(key: key, tags: tags, log: log.map { $0 &+ 1 }, since: 1) == .void)
    _ = follower.noteLoss(log: log ?? 0, stamp: 5, at: .distantPast, unixNow: now)
  }

  private static func serverError(_ bytes: Bytes) {
    let message = String(decoding: Array(bytes), as: UTF8.self)
    _ = RedisError(serverMessage: message).isServersFailure
    guard let redirection = Redirection(message) else { return }
    precondition((0..<16384).contains(redirection.slot))
  }

  // MARK: The backplane

  private static func messages(_ bytes: Bytes) {
    var detector = GapDetector(own: 1)
    // Several, each with its length before it.
    var rest = Array(bytes)[...]
    while let count = rest.first, rest.count > 1 {
      let wire = Bytes(Array(rest.dropFirst().prefix(Int(count))))
      rest = rest.dropFirst(1 + Int(count))
      guard let message = BackplaneMessage(encoded: wire) else {
        _ = detector.receive(.joined)
        continue
      }
      let again = BackplaneMessage(encoded: Bytes(Array(message.encoded())))
      precondition(again?.publisher == message.publisher && again?.sequence == message.sequence)
      _ = detector.receive(.message(message))
      precondition(detector.publisherCount <= GapDetector.limit)
    }
  }

  private static func keyName(_ bytes: Bytes) {
    let keys = RedisKeys(namespace: "n")
    let name = Bytes(Array(keys.entryPrefix.utf8) + bytes)
    guard let key = keys.entryKey(name), name.count <= 1024 else { return }
    let again = keys.entry(key).withUnsafeBytes { Bytes(copying: $0) }
    precondition(keys.entryKey(again) == key)
  }
}
