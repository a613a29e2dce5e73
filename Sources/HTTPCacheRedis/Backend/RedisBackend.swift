//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Keeps entries in Redis, for all processes that use the same server and namespace.
///
/// ```swift
/// let backend = try RedisBackend(configuration: RedisConfiguration(url: "redis://cache.internal:6379"))
/// let cache = try CacheLayer(backend: backend, policy: policy)
/// ```
///
/// A lookup is one round trip: it gets the entry and, in the same go, the invalidations that this process does not know
/// yet. They stand in a stream (`namespace:log`) to which every invalidation appends a record, so that whatever it
/// concerns, and however many entries, it takes one round trip, and holds for all processes as soon as it has returned. The
/// identifier of the last record is the number (``InvalidationStamp``) that an entry is stored with: what has been invalidated
/// while it was being made is recognised by that.
///
/// Redis 5 or later; the commands that the user must be allowed are listed in the module's documentation.
/// When the stream is lost (the server was emptied, or has evicted it) nothing that was stored before is used any more.
///
/// An invalidation that cannot be written (the server is away, full, read-only, or refuses) holds in this process at once, and is
/// written as soon as it can be (``RedisStatistics/waitingInvalidations``).
///
/// While the server is down, hangs or refuses, every operation throws a ``CacheError`` at once or after the command
/// timeout, which the cache takes for a miss. Nobody has to do anything when it comes back.
public final class RedisBackend: CacheBackend {
  private let client: RedisClient
  let clock: CacheClock
  /// The clock that the backend was made with.
  public var entryClock: CacheClock? { clock }
  let keys: RedisKeys
  let leaseTokens = LeaseTokens()
  private let log: InvalidationStream
  private let maximumEntrySize: Int
  let times = OperationTimes()
  private let unreadable = Locked([WireFormatError.Code: Int]())

  /// Begins to connect.
  ///
  /// - Parameters:
  ///   - configuration: Which server, and how long to bear with it.
  ///   - clock: What expiry is measured with.
  /// - Throws: ``CacheConfigurationError`` for a configuration that makes no sense, ``CacheError`` when the system has no
  ///   thread or descriptor left.
  public init(configuration: RedisConfiguration = RedisConfiguration(), clock: CacheClock = .system) throws {
    do {
      client = try RedisClient(configuration)
    } catch let error as RedisError {
      throw CacheError(error)
    }
    self.clock = clock
    keys = RedisKeys(namespace: configuration.namespace)
    maximumEntrySize = configuration.maximumEntrySize
    log = InvalidationStream(client: client, keys: keys, clock: clock)
  }

  /// Returns when the server can be asked. A cache does not have to wait for that: until then everything is a miss.
  ///
  /// - Throws: ``CacheError``: why it cannot, when that has taken longer than `limit`.
  public func waitUntilReady(within limit: Duration = .seconds(5)) async throws {
    do throws(RedisError) {
      try await client.waitUntilReady(within: limit)
    } catch {
      throw CacheError(error)
    }
  }

  /// Closes all connections. From then on everything is a miss.
  ///
  /// Invalidations that have yet to be written are attempted once more before, for two command timeouts at most.
  public func shutdown() async {
    await log.stop()
    await client.shutdown()
  }

  /// What has happened between this backend and the server so far.
  public var statistics: RedisStatistics {
    var statistics = client.statistics
    statistics.unreadableEntries = unreadable.withLock { $0 }
    statistics.waitingInvalidations = log.waitingCount
    return statistics
  }

  /// The client, for what else there is to do with the same server.
  package var redis: RedisClient { client }

  // MARK: CacheBackend

  /// Finds an entry, and the number of the last invalidation, in one round trip.
  ///
  /// - Throws: ``CacheError``, when the server cannot be asked. What it has but cannot be read is a miss, and counted.
  public func lookup(_ key: CacheKey) async throws -> CacheLookup {
    let start = clock.preciseNow
    defer { times.record(.lookup, since: start, clock) }
    return try await found(key)
  }

  private func found(_ key: CacheKey) async throws -> CacheLookup {
    do throws(RedisError) {
      return try result(try await value(of: keys.entry(key)), for: key)
    } catch {
      throw CacheError(error)
    }
  }

  /// Finds several entries, and the number of the last invalidation, in one round trip; in a cluster at the same time from their
  /// nodes. Large entries take another one.
  ///
  /// - Throws: ``CacheError``, as ``lookup(_:)``.
  public func lookup(all keys: [CacheKey]) async throws -> [CacheLookup] {
    let start = clock.preciseNow
    defer { times.record(.lookup, since: start, clock) }
    let (sizes, now) = (client.largeValues, MonotonicTime.now)
    let names = keys.map { self.keys.entry($0) }
    var replies: [RedisReply?] = []
    do throws(RedisError) {
      // Those whose values are known to be large, or rest, go their own way.
      let small = names.map { sizes.expectation(for: $0, now: now) == .none }
      var answers = try await log.advance(
        with: zip(names, small).filter(\.1).map { beginning(of: $0.0) }, until: log.deadline)
      replies = zip(names, small).map { name, isSmall in
        guard isSmall, let reply = answers.popFirst() else { return nil }
        guard let bytes = reply.bytes, bytes.count >= sizes.threshold else { return reply }
        sizes.note(name, byteCount: bytes.count)
        return nil
      }
    } catch {
      throw CacheError(error)
    }
    var found: [CacheLookup] = []
    for (key, reply) in zip(keys, replies) {
      guard let reply else {
        found.append(try await self.found(key))
        continue
      }
      do throws(RedisError) { found.append(try result(reply, for: key)) } catch { throw CacheError(error) }
    }
    return found
  }

  private func beginning(of name: RedisCommand.Argument) -> RedisCommand {
    RedisCommand("GETRANGE", key: name, "0", .integer(Int64(client.largeValues.threshold - 1)))
  }

  /// The meaning of a value that has just been read, after which the log has been.
  private func result(_ reply: RedisReply, for key: CacheKey) throws(RedisError) -> CacheLookup {
    let stamp = log.stamp
    // What is there is no string, and so no entry: storing one replaces it.
    if reply.error?.code == .wrongType {
      unreadable.withLock { $0[.damaged, default: 0] += 1 }
      return CacheLookup(entry: nil, stamp: stamp)
    }
    guard let bytes = try reply.checked().bytes, bytes.count > 0, let (origin, found) = decode(bytes, key) else {
      return CacheLookup(entry: nil, stamp: stamp)
    }
    switch log.verdict(key: key, tags: found.entry.tags, log: origin, since: found.stamp) {
    case .valid: return CacheLookup(entry: found.entry, stamp: stamp)
    case .void: return CacheLookup(entry: nil, stamp: stamp)
    case .stale(let moment):
      return CacheLookup(entry: found.entry.with(times: found.entry.times.stale(since: moment)), stamp: stamp)
    }
  }

  /// Gets a value, and follows the log in the same round trip.
  ///
  /// A small value is the beginning of itself. Of a large one only the beginning arrives among small ones; the whole of it is
  /// asked for on a connection of its own. A value that did not arrive in time a moment ago is not asked for.
  private func value(of name: RedisCommand.Argument) async throws(RedisError) -> RedisReply {
    let (sizes, deadline) = (client.largeValues, log.deadline)
    if sizes.expectation(for: name, now: MonotonicTime.now) == .none {
      let reply = try await log.advance(with: [beginning(of: name)], until: deadline).first ?? .null
      guard let bytes = reply.bytes, bytes.count >= sizes.threshold else { return reply }
      sizes.note(name, byteCount: bytes.count)
    }
    var whole = RedisCommand("GET", key: name)
    whole.hasLargeReply = true
    while sizes.expectation(for: name, now: MonotonicTime.now) != .rests {
      do throws(RedisError) {
        let reply = try await log.advance(with: [whole], until: deadline).first ?? .null
        if let error = reply.error, Self.isOthersFault(error) { throw error }
        if reply.error == nil { sizes.note(name, byteCount: reply.bytes?.count ?? 0) }
        return reply
      } catch  where Self.isOthersFault(error) && MonotonicTime.now < deadline {
        // It was behind another value that was late, or that broke the connection.
      }
    }
    _ = try await log.advance(with: [], until: deadline)
    return .null
  }

  /// Whether a large value may have failed because of the one before it on the connection.
  private static func isOthersFault(_ error: RedisError) -> Bool {
    error.code == .headOfLineTimedOut || error.code == .connectionLost
  }

  /// How many bytes stand before an entry: the identity of the log that its stamp is of.
  private static let prefixSize = 8

  private func decode(_ bytes: Bytes, _ key: CacheKey) -> (log: UInt64, WireFormat.Decoded)? {
    do throws(WireFormatError) {
      let start = min(Self.prefixSize, bytes.count)
      let decoded = try WireFormat.decode(
        bytes.slice(start..<bytes.count), for: key, now: clock.now, unixNow: clock.unixTime)
      return (bytes.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }, decoded)
    } catch {
      unreadable.withLock { $0[error.code, default: 0] += 1 }
      return nil
    }
  }

  /// Stores an entry for as long as it can be of use, to the millisecond.
  ///
  /// - Throws: ``CacheError``, when the server cannot be reached or refuses.
  public func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    let now = clock.now
    let milliseconds = Self.lifetime(of: entry, at: now)
    guard milliseconds > 0 else { return .refused }
    let head = WireFormat.encodeHead(entry, stamp: stamp.number, now: now, unixNow: clock.unixTime)
    guard head.count + entry.body.count <= maximumEntrySize else { return .refused }
    let (name, sizes) = (keys.entry(entry.key), client.largeValues)
    let size = Self.prefixSize + head.count + entry.body.count
    if size >= sizes.threshold, sizes.expectation(for: name, now: MonotonicTime.now) == .rests { return .refused }
    let (origin, verdict) = log.judge(key: entry.key, tags: entry.tags, since: stamp.number)
    if verdict == .void { return .invalidated }
    let start = clock.preciseNow
    defer { times.record(.store, since: start, clock) }
    do throws(RedisError) {
      let prefix = withUnsafeBytes(of: origin.bigEndian) { Bytes(copying: $0) }
      let command = RedisCommand(
        "SET", key: name, .joined(Bytes(joining: [prefix, head]), entry.body), "PX",
        .integer(milliseconds))
      guard let reply = try await log.advance(with: [command], until: log.deadline).first else {
        throw RedisError(.unexpectedReply, "there is no reply")
      }
      if size >= sizes.threshold, reply.error?.code == .serverError { sizes.rest(name, now: MonotonicTime.now) }
      _ = try reply.checked()
      sizes.note(name, byteCount: size)
    } catch {
      throw CacheError(error)
    }
    // What was invalidated meanwhile is there now, but its number gives it away to everybody who finds it.
    return log.verdict(key: entry.key, tags: entry.tags, log: origin, since: stamp.number) == .void
      ? .invalidated : .stored
  }

  /// Notes the invalidation for all processes: one round trip, however many entries it concerns.
  ///
  /// - Throws: ``CacheError``: ``CacheError/Code/unsupported`` for a predicate. Others when the server cannot be reached or
  ///   refuses; then the invalidation holds in this process at once, and for others as soon as it can be written, which is
  ///   attempted until ``shutdown()``.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    let start = clock.preciseNow
    defer { times.record(.invalidate, since: start, clock) }
    return try await log.invalidate(invalidation) ? InvalidationReceipt() : InvalidationReceipt(entryCount: 0)
  }

  /// ``InvalidationVerdict/void`` for what this process already knows to be; nil otherwise, because there may be
  /// invalidations that it does not know yet.
  public func verdictNow(
    key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp
  ) -> InvalidationVerdict? {
    log.judge(key: key, tags: tags, since: stamp.number).verdict == .void ? .void : nil
  }

  /// For how many milliseconds the server is to keep an entry.
  private static func lifetime(of entry: CacheEntry, at now: CacheInstant) -> Int64 {
    let (remaining, overflow) = entry.times.reclaimAt.nanoseconds.subtractingReportingOverflow(now.nanoseconds)
    // Beyond ten years Redis would be asked for moments that do not fit its clock.
    let limit: Int64 = 10 * 365 * 86_400_000
    return overflow ? (entry.times.reclaimAt > now ? limit : 0) : min(limit, (remaining + 999_999) / 1_000_000)
  }
}
