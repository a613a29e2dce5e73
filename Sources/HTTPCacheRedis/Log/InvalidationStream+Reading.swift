//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

extension InvalidationStream {
  /// Returns when the log has been read to its end, whoever reads it.
  ///
  /// - Parameter deadline: How long the caller waits; the reading goes on without it. Nobody with a deadline waits for a reading
  ///   that has taken longer than the command timeout: one request would wait several times, and each time in vain.
  func read(until deadline: Int64?) async throws(RedisError) {
    let now = MonotonicTime.now
    let (reading, since, isMine) = state.withLock { state in
      if let reading = state.reading { return (reading, state.readingSince, false) }
      let reading = OneShot<Result<Void, RedisError>>()
      state.reading = reading
      state.readingSince = now
      return (reading, now, true)
    }
    if isMine {
      Task.detached { [self] in
        var result = Result<Void, RedisError>.success(())
        do throws(RedisError) { try await readToEnd() } catch { result = .failure(error) }
        state.withLock { $0.reading = nil }
        reading.finish(result)
      }
    }
    let late = RedisError(.commandTimedOut, "the log of invalidations is still being read")
    let remaining = deadline.map { Duration.nanoseconds(min($0, since + timeout) - now) }
    if let remaining, remaining <= .zero { throw late }
    var result: Result<Void, RedisError>?
    do {
      result = try await withDeadline(remaining, .system) { await reading.value() }
    } catch is DeadlineExceeded {
      result = .failure(late)
    } catch {
      // The caller was cancelled.
    }
    guard let result else { throw RedisError(.cancelled, "the caller was cancelled while it waited for Redis") }
    try result.get()
  }

  private func readToEnd() async throws(RedisError) {
    var damaged: Bytes?
    catchingUp: while let position = state.withLock({ $0.follower.position }) {
      let (reply, size) = try await page(from: .text(position.record.id.text))
      switch try take(reply, from: position, limit: size) {
      case .complete: return
      case .more: continue
      case .unknown: break catchingUp
      case .unreadable(let id):
        damaged = id
        break catchingUp
      }
    }
    for _ in 0..<3 {
      if let id = damaged {
        _ = try await append([], damaged: id)
        damaged = nil
      }
      switch try await readFromBeginning() {
      case .complete: return
      case .more: continue
      case .unknown: damaged = Bytes()
      case .unreadable(let id): damaged = id
      }
    }
    throw RedisError(.unexpectedReply, "the log of invalidations cannot be read, or changes all the time")
  }

  /// Reads all there is.
  ///
  /// - Returns: `.more` when the log has changed meanwhile, `.unknown` when there is none.
  private func readFromBeginning() async throws(RedisError) -> LogFollower.Step {
    var reading = state.withLock {
      LogReading(known: $0.follower.mirror?.last, recordLimit: $0.follower.recordLimit)
    }
    while true {
      let (reply, size) = try await page(from: reading.last.map { .text($0.id.text) } ?? "-")
      switch try LogPage(reply) {
      case .otherType: return .unknown
      case .unreadable(let id): return .unreadable(id: id)
      case .records(let records):
        if let last = reading.last, records.first != last { return .more }
        reading.take(records, moment: momentOfRecords)
        guard records.count < size else { continue }
      }
      guard reading.mirror != nil else { return .unknown }
      let complete = reading
      state.withLock { $0.follower.adopt(complete, at: clock.now) }
      settle()
      return .complete
    }
  }

  /// Asks for a page. Its size follows from how long pages take: one that does not arrive in time is asked for again, by halves.
  private func page(from start: RedisCommand.Argument) async throws(RedisError) -> (RedisReply, size: Int) {
    while true {
      let size = state.withLock { $0.pageSize }
      let begin = MonotonicTime.now
      do throws(RedisError) {
        guard let reply = try await client.send([range(from: start, count: size)]).first else {
          throw RedisError(.unexpectedReply, "there is no reply")
        }
        if MonotonicTime.now - begin < client.configuration.commandTimeout.inNanoseconds / 2 {
          state.withLock { $0.pageSize = min(2 * size, Self.pageSizes.upperBound) }
        }
        return (reply, size)
      } catch  where error.code == .commandTimedOut && size > Self.pageSizes.lowerBound {
        state.withLock { $0.pageSize = max(size / 2, Self.pageSizes.lowerBound) }
      }
    }
  }
}
