//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension RedisBackend: LeasingBackend {
  /// Removes the lease if it is still this one: it may have expired, and be somebody else's by now.
  private static let release = RedisScript(
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) else return 0 end")

  /// Takes the lease over from a holder that is gone, unless somebody else has been quicker.
  private static let takeOver = RedisScript(
    """
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1
    """)

  /// Takes the lease for `key` unless somebody holds it (`SET NX PX`).
  ///
  /// - Throws: ``CacheError``, when the server cannot be reached or refuses.
  public func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    let start = clock.preciseNow
    defer { times.record(.lease, since: start, clock) }
    let now = clock.now
    let token = leaseTokens.make(until: now.advanced(by: duration), at: now)
    do throws(RedisError) {
      if try await acquire(keys.lease(key), token, duration) { return CacheLease(key: key, token: token) }
      leaseTokens.end(token)
      return nil
    } catch {
      // The server may do it all the same, as soon as it can.
      leaseTokens.end(token)
      throw CacheError(error)
    }
  }

  private func acquire(
    _ name: RedisCommand.Argument, _ token: UInt64, _ duration: Duration
  ) async throws(RedisError) -> Bool {
    let milliseconds = RedisCommand.Argument.integer(max(1, duration.inNanoseconds / 1_000_000))
    let replies = try await redis.send([
      RedisCommand("SET", key: name, .text("\(token)"), "NX", "PX", milliseconds), RedisCommand("GET", key: name),
    ])
    guard replies.count == 2 else { throw RedisError(.unexpectedReply, "two answers were expected") }
    guard try replies[0].checked() == .null else { return true }
    guard let holder = replies[1].text.flatMap({ UInt64($0) }), leaseTokens.isOrphan(holder, at: clock.now) else {
      return false
    }
    let reply = try await redis.evaluate(
      Self.takeOver, keys: [name], arguments: [.text("\(holder)"), .text("\(token)"), milliseconds])
    return reply.integer == 1
  }

  /// Gives a lease back, if it is still held.
  public func releaseLease(_ lease: CacheLease) async {
    leaseTokens.end(lease.token)
    // If that fails it expires, or is taken over.
    _ = try? await redis.evaluate(
      Self.release, keys: [keys.lease(lease.key)], arguments: [.text("\(lease.token)")])
  }
}
