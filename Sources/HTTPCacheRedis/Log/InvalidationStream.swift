//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache
internal import Synchronization

/// The log of invalidations that all users of a server share: how this process follows and extends it.
///
/// Every request to the server also asks for the records behind the last one known. Their list begins with that last one: if it
/// does not, the log is another than the known one (the server was emptied, has evicted it, or another server has taken its
/// place), or too much has been appended meanwhile, and it is read from its beginning. ``LogFollower`` decides; this class
/// sends and waits.
final class InvalidationStream: Sendable {
  struct State {
    var follower: LogFollower
    /// The reading that is under way. There is one at a time, whoever needs it.
    var reading: OneShot<Result<Void, RedisError>>?
    /// When the reading was begun.
    var readingSince = Int64.min
    var pageSize = 512
    /// Whether a task sees to the invalidations that wait.
    var isSettling = false
    /// Whether invalidations that wait are being written.
    var isWriting = false
    var lastWrite = Int64.min
    var settler: Task<Void, Never>?
    var isStopped = false
    /// When the log's lifetime is to be prolonged, by the monotonic clock.
    var prolongation = Int64.min
  }

  /// How many records come with an answer at most. More are read by themselves.
  static let lookupLimit = 512
  static let pageSizes = 16...4096
  /// How often the log's lifetime is prolonged by those who only read, in nanoseconds: once an hour.
  private static let prolongationInterval: Int64 = 3_600_000_000_000
  /// How long after one attempt a request attempts again to write what waits, in nanoseconds.
  private static let writeInterval: Int64 = 50_000_000

  let client: RedisClient
  let keys: RedisKeys
  let clock: CacheClock
  private let maximumLength: Int
  let timeout: Int64
  let state: Locked<State>
  /// Whether invalidations wait: written with the lock held, and read without it.
  private let hasWaiting = Atomic(false)

  init(client: RedisClient, keys: RedisKeys, clock: CacheClock) {
    self.client = client
    self.keys = keys
    self.clock = clock
    maximumLength = client.configuration.invalidationLogLength
    timeout = client.configuration.commandTimeout.inNanoseconds
    state = Locked(State(follower: LogFollower(recordLimit: maximumLength)))
  }

  // MARK: Asking

  /// The number of the last invalidation that is known.
  var stamp: InvalidationStamp { InvalidationStamp(state.withLock { $0.follower.mirror?.last.id.number ?? 0 }) }

  /// The identity of the log, and what is known to have happened to an entry. Before anything is known: nothing good.
  func judge(
    key: CacheKey, tags: CacheTags?, since stamp: UInt64
  ) -> (log: UInt64, verdict: InvalidationVerdict) {
    state.withLock { state in
      let log = state.follower.mirror?.log
      return (log ?? 0, state.follower.verdict(key: key, tags: tags, log: log, since: stamp))
    }
  }

  /// The meaning of all known invalidations for an entry that was stored with a stamp of this log.
  func verdict(key: CacheKey, tags: CacheTags?, log: UInt64, since stamp: UInt64) -> InvalidationVerdict {
    let (verdict, isEvidence) = state.withLock { state in
      let verdict = state.follower.verdict(key: key, tags: tags, log: log, since: stamp)
      return (verdict, verdict == .void && state.follower.isEvidence(log: log, stamp: stamp, unixNow: clock.unixTime))
    }
    if isEvidence { investigate(log: log, stamp: stamp) }
    return verdict
  }

  /// How many invalidations have yet to be written because that failed.
  var waitingCount: Int { state.withLock { $0.follower.pending.waitingCount } }

  // MARK: Following

  /// When an operation that begins now has to be over, by the monotonic clock.
  var deadline: Int64 { MonotonicTime.now + timeout }

  /// Sends commands, learns in the same round trip what has been invalidated, and returns the answers.
  ///
  /// - Throws: ``RedisError/Code/commandTimedOut`` also when the log is still being read by then.
  func advance(
    with requests: [RedisCommand], until deadline: Int64
  ) async throws(RedisError) -> ArraySlice<RedisReply> {
    if hasWaiting.load(ordering: .relaxed), mayWrite() { _ = await writeWaiting() }
    for _ in 0..<4 {
      guard let position = state.withLock({ $0.follower.position }) else {
        try await read(until: deadline)
        continue
      }
      var commands = requests
      commands.append(range(from: .text(position.record.id.text), count: Self.lookupLimit))
      if mustProlong() { commands.append(RedisCommand("PEXPIRE", key: keys.log, .integer(LogScript.lifetime))) }
      let replies = try await client.send(commands, deadline: deadline)
      guard replies.count == commands.count else {
        throw RedisError(.unexpectedReply, "\(commands.count) answers were expected")
      }
      if try take(replies[requests.count], from: position, limit: Self.lookupLimit) == .complete {
        return replies.prefix(requests.count)
      }
      // The answer may be older than what will have been read: it is asked for again.
      try await read(until: deadline)
    }
    throw RedisError(.unexpectedReply, "the log of invalidations changes faster than it can be read")
  }

  func range(from start: RedisCommand.Argument, count: Int) -> RedisCommand {
    RedisCommand("XRANGE", key: keys.log, start, "+", "COUNT", .integer(Int64(count)))
  }

  private func mustProlong() -> Bool {
    let now = MonotonicTime.now
    return state.withLock { state in
      guard now >= state.prolongation else { return false }
      state.prolongation = now + Self.prolongationInterval
      return true
    }
  }

  func take(
    _ reply: RedisReply, from position: LogFollower.Position, limit: Int
  ) throws(RedisError) -> LogFollower.Step {
    if LogPage.isOnly(position.record, reply), state.withLock({ $0.follower.includes(position) }) { return .complete }
    let page = try LogPage(reply)
    let moment = momentOfRecords
    return state.withLock { $0.follower.take(page, from: position, limit: limit, moment: moment) }
  }

  /// Translates the server's time into this process's clock. A record is not from the future: what has been said is said.
  var momentOfRecords: (InvalidationRecord) -> CacheInstant {
    let (now, unixNow) = (clock.now, clock.unixTime.milliseconds)
    return { record in
      let age = unixNow.subtractingReportingOverflow(record.id.milliseconds)
      return now.advanced(by: .milliseconds(age.overflow ? 0 : -max(0, age.partialValue)))
    }
  }

  // MARK: Appending

  /// Appends an invalidation.
  ///
  /// An invalidation holds in this process from now on. If it cannot be written, it is written as soon as it can be.
  ///
  /// - Throws: ``CacheError``: why it has yet to be written; ``CacheError/Code/unsupported`` for a predicate, which never will be.
  /// - Returns: Whether anything is concerned at all.
  func invalidate(_ invalidation: CacheInvalidation) async throws(CacheError) -> Bool {
    guard try !InvalidationRecord.payloads(of: invalidation).isEmpty else { return false }
    let item = state.withLock { $0.follower.pending.begin(invalidation, at: clock.now) }
    let appended: Appended
    do throws(RedisError) { appended = try await write([item]) } catch {
      fail(item)
      throw CacheError(error)
    }
    if appended.step == .complete {
      settled([item])
    } else {
      // It is written. Until this process has read as far, it holds as one that is not.
      Task.detached { [self] in
        do throws(RedisError) {
          try await confirm(appended)
          settled([item])
        } catch {
          fail(item)
        }
      }
    }
    return true
  }

  /// Returns when this process has read what it has appended.
  ///
  /// - Throws: ``RedisError/Code/unexpectedReply`` also when the log has lost it since.
  private func confirm(_ appended: Appended) async throws(RedisError) {
    if appended.step == .complete { return }
    try await read(until: nil)
    guard let last = appended.last, state.withLock({ $0.follower.knows(last) }) else {
      throw RedisError(.unexpectedReply, "the log of invalidations has lost what was just appended")
    }
  }

  private func settled(_ items: [PendingInvalidations<CacheInstant>.Item]) {
    state.withLock { state in
      for item in items { state.follower.pending.remove(item.number) }
      hasWaiting.store(state.follower.pending.waitingCount > 0, ordering: .relaxed)
    }
  }

  private func fail(_ item: PendingInvalidations<CacheInstant>.Item) {
    state.withLock { _ = $0.follower.pending.failed(item.number) }
    settle()
  }

  /// Writes invalidations, and removes the entries whose keys they name: a full server permits at least that.
  private func write(
    _ items: [PendingInvalidations<CacheInstant>.Item]
  ) async throws(RedisError) -> Appended {
    let now = clock.now
    let invalidations = items.map { $0.due(at: now) }
    // Nothing that waits is a predicate.
    let payloads = invalidations.flatMap { (try? InvalidationRecord.payloads(of: $0)) ?? [] }
    let removals = invalidations.compactMap { invalidation -> RedisCommand? in
      guard invalidation.mode == .hard, case .key(let key) = invalidation.target else { return nil }
      return RedisCommand("UNLINK", key: keys.entry(key))
    }
    return try await append(payloads, followedBy: removals)
  }

  /// The result of appending records.
  struct Appended: Sendable {
    /// The state of the log as it is known since.
    let step: LogFollower.Step
    /// The last of the records.
    let last: StreamID?
  }

  /// Appends records; also begins the log where there is none that can be used.
  func append(
    _ payloads: [Bytes], damaged: Bytes = Bytes(), followedBy commands: [RedisCommand] = []
  ) async throws(RedisError) -> Appended {
    let (position, bound) = state.withLock { ($0.follower.position, $0.follower.lowerBound) }
    let reply = try await client.evaluate(
      LogScript.append, keys: [keys.log],
      arguments: LogScript.arguments(
        payloads, from: position, count: Self.lookupLimit, damaged: damaged, above: bound, length: maximumLength),
      followedBy: commands)
    guard let parts = try reply.checked().array, parts.count == 2 else {
      throw RedisError(.unexpectedReply, "the script that appends to the log answers with something else")
    }
    let last = parts[1].bytes.flatMap { StreamID($0) }
    guard let position else { return Appended(step: .unknown, last: last) }
    return Appended(step: try take(parts[0], from: position, limit: Self.lookupLimit), last: last)
  }

  // MARK: Writing what waits

  private func mayWrite() -> Bool {
    let now = MonotonicTime.now
    return state.withLock { $0.lastWrite == .min || now - $0.lastWrite >= Self.writeInterval }
  }

  /// Sees to it that what waits is written, also when nobody asks for anything.
  func settle() {
    state.withLock { state in
      hasWaiting.store(state.follower.pending.waitingCount > 0, ordering: .relaxed)
      guard !state.isSettling, !state.isStopped, state.follower.pending.waitingCount > 0 else { return }
      state.isSettling = true
      state.settler = Task.detached { [weak self] in
        var pause = Duration.milliseconds(20)
        while await self?.writeWaiting() == false {
          guard (try? await Task.sleep(for: pause)) != nil else { return }
          pause = min(pause * 2, .milliseconds(250))
        }
      }
    }
  }

  /// Writes what waits.
  ///
  /// - Returns: Whether nothing waits any more.
  private func writeWaiting() async -> Bool {
    while true {
      let items = state.withLock { state -> [PendingInvalidations<CacheInstant>.Item]? in
        guard !state.isWriting else { return nil }
        let items = state.follower.pending.due(limit: 64)
        state.isWriting = !items.isEmpty
        state.lastWrite = MonotonicTime.now
        if items.isEmpty { state.isSettling = false }
        return items
      }
      guard let items else { return false }
      guard !items.isEmpty else { return true }
      var isWritten = false
      do throws(RedisError) {
        // What holds here until now goes on doing so by what is known of the log.
        try await confirm(try await write(items))
        settled(items)
        isWritten = true
      } catch {
        // It goes on waiting.
      }
      state.withLock { $0.isWriting = false }
      guard isWritten else { return false }
    }
  }

  /// Attempts once more to write what waits, and then stops attempting.
  func stop() async {
    state.withLock { state in
      state.isStopped = true
      state.settler?.cancel()
    }
    if hasWaiting.load(ordering: .relaxed) { _ = await writeWaiting() }
  }

  // MARK: Losses

  /// Looks once more whether the log lacks a record that an entry refers to; then everything is invalidated.
  private func investigate(log: UInt64, stamp: UInt64) {
    Task.detached { [self] in
      guard (try? await read(until: nil)) != nil else { return }
      let isLost = state.withLock {
        $0.follower.noteLoss(log: log, stamp: stamp, at: clock.now, unixNow: clock.unixTime)
      }
      if isLost { settle() }
    }
  }
}
