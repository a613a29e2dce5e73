//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// The log of invalidations that all users of a server share, and what this process knows of it.
///
/// Whoever asks the server for anything also asks for the records behind the last one known. Their list begins with that
/// last one: if it does not, the log is not the one that is known (the server was emptied, has evicted it, or another
/// server has taken its place), or too much has been appended meanwhile, and it is read from its beginning.
final class InvalidationStream: Sendable {
  /// How many records are asked for at once.
  private static let pageSize = 500

  /// The log's beginning; when there is no log, one is begun, with a number that was never used before.
  private static let begin = RedisScript(
    """
    if #redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1) == 0 then
      redis.call('XADD', KEYS[1], '*', 't', 'origin')
    end
    return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
    """)

  private let client: RedisClient
  private let key: RedisCommand.Argument
  private let clock: CacheClock
  private let maximumLength: Int
  private let mirror = Locked<InvalidationMirror?>(nil)

  init(client: RedisClient, key: String, clock: CacheClock, maximumLength: Int) {
    self.client = client
    self.key = .text(key)
    self.clock = clock
    self.maximumLength = maximumLength
  }

  /// The number of the last invalidation that is known.
  var stamp: InvalidationStamp { InvalidationStamp(mirror.withLock { $0?.current.number ?? 0 }) }

  /// What is known to have happened to an entry. Before anything is known: nothing good.
  func verdict(key: CacheKey, tags: CacheTags?, since stamp: UInt64) -> InvalidationVerdict {
    mirror.withLock { $0?.verdict(key: key, tags: tags, since: stamp) ?? .void }
  }

  /// Sends `command`, learns in the same round trip what has been invalidated, and returns the answer.
  func advance(with command: RedisCommand) async throws(RedisError) -> RedisReply {
    // The first time it takes one more.
    if mirror.withLock({ $0 == nil }) { try await readFromBeginning() }
    guard let known = mirror.withLock({ $0?.current }) else {
      throw RedisError(.unexpectedReply, "the log of invalidations is empty")
    }
    let replies = try await client.send([command, range(from: known)])
    guard replies.count == 2 else { throw RedisError(.unexpectedReply, "two answers were expected") }
    try await take(replies[1].checked(), after: known)
    return replies[0]
  }

  /// Appends a record.
  func append(_ fields: [RedisCommand.Argument]) async throws(RedisError) {
    let trimming: [RedisCommand.Argument] = ["MAXLEN", "~", .integer(Int64(maximumLength)), "*"]
    // With the records up to this one, so that this process knows of it too.
    _ = try await advance(with: RedisCommand("XADD", [key] + trimming + fields, keyPosition: 0)).checked()
  }

  private func range(from id: StreamID) -> RedisCommand {
    RedisCommand("XRANGE", key: key, .text(id.text), "+", "COUNT", .integer(Int64(Self.pageSize)))
  }

  /// Takes in a list of records that was asked for from `known` on.
  private func take(_ reply: RedisReply, after known: StreamID) async throws(RedisError) {
    // Nearly always there is nothing new.
    if let list = reply.array, list.count == 1, let id = list[0].array?.first?.text, id == known.text { return }
    var records = try Self.records(reply)
    guard records.first?.id == known else { return try await readFromBeginning() }
    while true {
      apply(records)
      guard records.count == Self.pageSize, let last = records.last?.id else { return }
      records = try Self.records(await client.send(range(from: last)))
      guard records.first?.id == last else { return try await readFromBeginning() }
    }
  }

  /// Reads all there is.
  private func readFromBeginning() async throws(RedisError) {
    let seen = mirror.withLock { $0?.current }
    let reply = try await client.evaluate(
      Self.begin, keys: [key], arguments: [.integer(Int64(Self.pageSize))])
    var records = try Self.records(reply)
    guard let first = records.first else { throw RedisError(.unexpectedReply, "the log of invalidations is empty") }
    mirror.withLock { mirror in
      // Unless somebody else has been quicker.
      if mirror?.current == seen { mirror = InvalidationMirror(first: first) }
    }
    while true {
      apply(records)
      guard records.count == Self.pageSize, let last = records.last?.id else { break }
      records = try Self.records(await client.send(range(from: last)))
    }
    // The log has gone back: it is that of a server that has not got all of it. What is missing is not known, so all that
    // was stored before is void; that is for everybody to know.
    if let seen, let last = mirror.withLock({ $0?.current }), last < seen {
      let next = StreamID(number: seen.number + 1)
      _ = try await client.send(RedisCommand("XADD", key: key, .text(next.text), "t", "origin"))
      apply(try Self.records(await client.send(range(from: last))))
    }
  }

  private func apply(_ records: [InvalidationRecord]) {
    let now = clock.now
    let unixNow = clock.unixTime
    mirror.withLock { mirror in
      for record in records {
        // By the server's clock. It is not ahead of us: what has been said is said.
        let age = max(0, unixNow.milliseconds - record.id.milliseconds)
        mirror?.apply(record, moment: now.advanced(by: .milliseconds(-age)))
      }
    }
  }

  private static func records(_ reply: RedisReply) throws(RedisError) -> [InvalidationRecord] {
    guard let elements = reply.array else {
      throw RedisError(.unexpectedReply, "the log of invalidations is no stream")
    }
    var records: [InvalidationRecord] = []
    records.reserveCapacity(elements.count)
    for element in elements {
      guard let record = InvalidationRecord(element) else {
        throw RedisError(.unexpectedReply, "the log of invalidations has a record that is none")
      }
      records.append(record)
    }
    return records
  }
}
