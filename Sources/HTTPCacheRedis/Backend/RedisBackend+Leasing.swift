//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension RedisBackend: LeasingBackend {
  /// Deletes the lease if it is still this one: it may have expired, and be somebody else's by now.
  private static let release = RedisScript(
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end")

  /// Takes the lease for `key` unless somebody holds it (`SET NX PX`).
  ///
  /// - Throws: ``CacheError``, when the server cannot be reached or refuses.
  public func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    let token = UInt64.random(in: .min ... .max)
    let milliseconds = max(1, duration.inNanoseconds / 1_000_000)
    do throws(RedisError) {
      let reply = try await redis.send(
        RedisCommand("SET", key: keys.lease(key), .text("\(token)"), "NX", "PX", .integer(milliseconds)))
      return reply == .null ? nil : CacheLease(key: key, token: token)
    } catch {
      throw CacheError(error)
    }
  }

  /// Gives a lease back, if it is still held.
  public func releaseLease(_ lease: CacheLease) async {
    // If that fails it expires.
    _ = try? await redis.evaluate(
      Self.release, keys: [keys.lease(lease.key)], arguments: [.text("\(lease.token)")])
  }
}
