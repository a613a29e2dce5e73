//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension MemcachedBackend {
  /// Takes the lease for `key` unless somebody holds it.
  ///
  /// The server ends a lease that is not given back, by its own clock and in whole seconds, up to two seconds late. Who has
  /// watched one for all of its duration by his own clock need not wait for that. No node compares its clock with another's.
  public func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    let start = clock.preciseNow
    defer { times.record(.lease, since: start, clock) }
    let instant = clock.now
    let token = leaseTokens.make(until: instant.advanced(by: duration), at: instant)
    do {
      if let lease = try await acquire(key, token, duration) { return lease }
    } catch {
      // The server may do it all the same, as soon as it can.
      leaseTokens.end(token)
      throw error
    }
    leaseTokens.end(token)
    return nil
  }

  private func acquire(_ key: CacheKey, _ token: UInt64, _ duration: Duration) async throws -> CacheLease? {
    try await translatingErrors {
      guard let expiration = MemcachedExpiration(lifetime: duration) else { return nil }
      let (host, lease) = leasePlace(key)
      let check = patience(with: host)
      let value = Self.value(token, duration)
      for _ in 0..<4 {
        // Who does not get it learns in the same round trip who has it.
        let replies = try await client.perform([.add(lease, value, expiration), .get([lease])], from: host)
        guard replies.count == 2, case .stored(let outcome) = replies[0], case .items(let items) = replies[1] else {
          throw MemcachedError(.protocolViolated, host: client.hostName(host), "the answer does not fit the question")
        }
        if try stored(outcome, host) { return CacheLease(key: key, token: token) }
        guard let item = items.first ?? nil else { continue }
        if let holder = Self.holder(item) {
          if holder.token == token { return CacheLease(key: key, token: token) }
          if !leaseTokens.isOrphan(holder.token, at: clock.now), !isOver(holder, of: lease) { return nil }
        }
        try check()
        let taken = try await client.compareAndSet(lease, value, expiration, unique: item.unique, at: host)
        if try stored(taken, host) { return CacheLease(key: key, token: token) }
        try check()
      }
      // Taken by others each time.
      return nil
    }
  }

  /// Gives a lease back, if it is still held.
  public func releaseLease(_ lease: CacheLease) async {
    leaseTokens.end(lease.token)
    let (host, key) = leasePlace(lease.key)
    guard let expiration = MemcachedExpiration(lifetime: .seconds(1)),
      let item = try? await client.get([key], from: host)[0], Self.holder(item)?.token == lease.token
    else { return }
    // Deleting would not ask whether it is still ours.
    _ = try? await client.compareAndSet(key, Self.value(Self.nobody, .zero), expiration, unique: item.unique, at: host)
  }

  private func leasePlace(_ key: CacheKey) -> (host: Int, lease: MemcachedKey) {
    (MemcachedPlace(key, keys, client).host, keys.key(.lease, key.text))
  }

  private func stored(_ outcome: MemcachedStoreOutcome, _ host: Int) throws -> Bool {
    switch outcome {
    case .stored: true
    case .notStored: false
    case .tooLarge, .outOfMemory: throw MemcachedError(.refused, host: client.hostName(host), "has no memory left")
    }
  }

  /// The token of a lease that was given back.
  private static let nobody: UInt64 = 0

  private static func value(_ token: UInt64, _ duration: Duration) -> MemcachedValue {
    let milliseconds = Int64(clamping: Int(min(duration / .milliseconds(1), 1e15).rounded(.up)))
    return MemcachedValue(bytes: Bytes("\(token) \(milliseconds)"), flags: MemcachedFormat.lease)
  }

  /// The holder that a lease names; nil when nobody holds it, or it cannot be read.
  private static func holder(_ item: MemcachedItem) -> (token: UInt64, duration: Duration)? {
    let words = item.value.bytes.split(separator: 0x20, omittingEmptySubsequences: false)
    guard item.value.flags == MemcachedFormat.lease, words.count == 2, let token = UInt64(decimal: words[0]),
      token != nobody, let milliseconds = UInt64(decimal: words[1])
    else { return nil }
    return (token, .milliseconds(Int64(clamping: milliseconds)))
  }

  /// Whether this process has seen the same holder for all of the lease's duration.
  private func isOver(_ holder: (token: UInt64, duration: Duration), of lease: MemcachedKey) -> Bool {
    let now = clock.now
    return watchedLeases.withLock { watched in
      if let known = watched[lease], known.token == holder.token {
        return now.duration(since: known.since) >= holder.duration
      }
      watched.append((holder.token, now), for: lease)
      return false
    }
  }
}
